"""What a GPU does with float32 where TF32 is switched on, on a CPU."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Products by how many of their arguments come before the factors.
PRODUCTS = {
    torch.ops.aten.mm: 0,
    torch.ops.aten.bmm: 0,
    torch.ops.aten.addmm: 1,
    torch.ops.aten.addmm_: 1,
    torch.ops.aten.baddbmm: 1,
    torch.ops.aten.mv: 0,
}


class TF32(TorchDispatchMode):
    """Rounds the factors of products to 10 bits, wherever PyTorch's own setting says so.

    ``products`` counts those that were rounded.
    """

    def __init__(self):
        super().__init__()
        self.products = 0

    def __torch_dispatch__(self, operation, types, given=(), options=None):
        before = PRODUCTS.get(operation.overloadpacket)
        if before is not None and torch.backends.cuda.matmul.fp32_precision == "tf32":
            self.products += 1
            given = (*given[:before], *map(rounded, given[before:]))
        return operation(*given, **(options or {}))


def rounded(values):
    if not (torch.is_tensor(values) and values.dtype == torch.float32):
        return values
    bits = values.contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)
