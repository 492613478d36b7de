"""The frozen backbone: patch tokens and class token of each image, for any of timm's DINO ViTs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as images_to

from betrayed.config.features import Facet, FeatureKnobs, Precision
from betrayed.engine.cuda_graphs import BatchRecorder
from betrayed.engine.precision import choose_precision, exact_float32
from betrayed.errors import UserError
from betrayed.features.vit import ViT, create_vit
from betrayed.features.weights import read_weights


class Backbone:
    """A frozen DINO, DINOv2 or DINOv3 ViT and the features it gives for one facet and layer.

    Patch size, prefix tokens (class token and registers), the form of the query, key and value
    projections, positions, and the images' mean and standard deviation come from the model.

    Facets:
        ``key``, ``query``, ``value``: what that projection of the block gives, heads
        concatenated, bias included, before any normalisation of the heads and before any rotary
        position; with the class token as it leaves that block, before the final norm.
        ``token``: what leaves the block, after the model's final norm; the class token likewise.

    Args:
        name: timm's name.
        weights: a file made by :func:`betrayed.features.weight_fetching.fetch_weights`; None
            leaves the weights at random, which serves tests.
        device: where to compute.
        facet: see above.
        layer: index of the block, from 0 or, negative, from the end; later ones are not computed.
        precision: of products, see :func:`betrayed.engine.precision.choose_precision`. In half
            precision (float16, bfloat16) sums, norms and softmax stay in float32.

    Attributes:
        precision: the one that is used: ``float32``, ``float16`` or ``bfloat16``.
        most_frames: how many frames fit in memory at once, where it has run out; else None.

    Raises:
        UserError: no such ViT, weights or layer, or weights of another backbone.
    """

    def __init__(
        self,
        name: str,
        weights: str | Path | None = None,
        device: torch.device | str = "cpu",
        facet: Facet = FeatureKnobs.facet,
        layer: int = FeatureKnobs.layer,
        precision: Precision = FeatureKnobs.precision,
    ) -> None:
        if facet not in get_args(Facet):
            raise UserError(f"There is no facet {facet!r}: choose of {', '.join(get_args(Facet))}.")
        model = create_vit(name) if weights is None else _load(name, weights)
        depth = len(model.blocks)
        if not -depth <= layer < depth:
            raise UserError(
                f"{name} has {depth} blocks: layer must be {-depth} to {depth - 1}, not {layer}."
            )
        model.blocks = model.blocks[: layer % depth + 1]
        self.name = name
        self.facet = facet
        self.device = torch.device(device)
        self.precision = choose_precision(precision, self.device)
        self.most_frames: int | None = None
        self.model = model.to(self.device).eval().requires_grad_(False)
        self.patch_size: tuple[int, int] = model.patch_embed.patch_size
        self.prefix_tokens: int = model.num_prefix_tokens
        # Rotary positions are made on the CPU for each batch, which cannot be recorded.
        records = self.device.type == "cuda" and getattr(model, "rope", None) is None
        self._recorder = BatchRecorder(self._extract) if records else None
        self.mean: tuple[float, ...] = tuple(model.pretrained_cfg["mean"])
        self.std: tuple[float, ...] = tuple(model.pretrained_cfg["std"])
        # Kept on the device: a copy of them for each batch would make a GPU wait.
        self._mean, self._std = (
            torch.tensor(one, device=self.device).view(3, 1, 1) for one in (self.mean, self.std)
        )

    @property
    def dim(self) -> int:
        """Width D of a patch token."""
        if self.facet == "token":
            return self.model.embed_dim
        return projection(self.model.blocks[-1].attn, self.facet)[0].shape[0]

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches in an image of this size.

        Raises:
            UserError: a side is no multiple of the patch size; the nearest multiples are given.
        """
        for side, pixels, patch in zip(
            ("height", "width"), (height, width), self.patch_size, strict=True
        ):
            if pixels < 1 or pixels % patch:
                below = max(pixels // patch * patch, patch)
                near = " or ".join(str(one) for one in sorted({below, below + patch}))
                raise UserError(
                    f"{side} {pixels} is no multiple of {patch}, the patch size of {self.name}. "
                    f"Set features.{side} (and training.{side}) to {near}."
                )
        return height // self.patch_size[0], width // self.patch_size[1]

    def normalise(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] with the mean and deviation the ViT was trained with.

        Training and inference share this one pair (the authors' release uses two different ones).
        """
        return (images - self._mean).div_(self._std)

    @torch.inference_mode()
    def extract(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of normalised images.

        Args:
            images: (B, 3, H, W) float, see :func:`resize_frames` and :meth:`normalise`.

        Returns:
            Patch tokens (B, N, D) in row-major order of the grid, class tokens (B, D'), and what
            of its attention the class token gives to each patch in the last block that is used
            (B, N), mean over heads; float32 on the backbone's device. D' is the ViT's own width.
            The attention is of queries and keys before a rotation by position.

        Raises:
            UserError: a side is no multiple of the patch size.
        """
        self.grid(*images.shape[-2:])
        images = images.to(self.device)
        return self._extract(images) if self._recorder is None else self._recorder(images)

    def _extract(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        block = self.model.blocks[-1]
        seen: dict[str, Tensor] = {}
        hooks = [
            block.attn.register_forward_pre_hook(
                lambda _, inputs: seen.__setitem__("normed", inputs[0])
            ),
            block.register_forward_hook(lambda _, __, output: seen.__setitem__("output", output)),
        ]
        try:
            with self.in_precision():
                final = self.model.forward_features(images)  # (B, P + N, D')
                if self.facet == "token":
                    patches, leaving = final, final
                else:
                    weight, bias = projection(block.attn, self.facet)
                    patches = F.linear(seen["normed"], weight, bias)  # (B, P + N, D)
                    leaving = seen["output"]
                attention = self._class_attention(seen["normed"])
        finally:
            for hook in hooks:
                hook.remove()
        patches = patches[:, self.prefix_tokens :]
        return patches.float(), leaving[:, 0].float(), attention

    @contextmanager
    def in_precision(self) -> Iterator[None]:
        """Within, products are in the backbone's precision; float32 is that, and not TF32."""
        if self.precision == "float32":
            with exact_float32(self.device):
                yield
        else:
            with torch.autocast(self.device.type, getattr(torch, self.precision)):
                yield

    def _class_attention(self, normed: Tensor) -> Tensor:
        """(B, N) from the last block's input after its norm, (B, P + N, D')."""
        own = self.model.blocks[-1].attn
        query = F.linear(normed[:, :1], *projection(own, "query"))  # (B, 1, D)
        keys = F.linear(normed, *projection(own, "key"))  # (B, P + N, D)
        query, keys = (one.unflatten(-1, (own.num_heads, -1)) for one in (query, keys))
        # Scaled before the product: of large queries and keys float16 cannot hold the sums.
        query = own.q_norm(query) * query.shape[-1] ** -0.5
        logits = torch.einsum("bqhd,bnhd->bhn", query, own.k_norm(keys)).float()
        attention = logits.softmax(-1).mean(1)  # (B, P + N)
        return attention[:, self.prefix_tokens :]


def _load(name: str, weights: str | Path) -> ViT:
    """The ViT with the weights of a file, without drawing random ones, which takes longer."""
    with torch.device("meta"):
        model = create_vit(name)
    model.to_empty(device="cpu")
    for module in model.modules():
        if module._non_persistent_buffers_set:  # not among the weights, such as rotary periods
            module.init_non_persistent_buffers()
    model.load_state_dict(read_weights(weights, name), strict=True)
    return model


def projection(
    attention: nn.Module, facet: Literal["key", "query", "value"]
) -> tuple[Tensor, Tensor | None]:
    """Weight (D, D') and bias (D,) of one projection of a timm attention, fused or not.

    timm's Eva keeps the biases of a fused projection beside it, DINOv2 in it, DINOv3 has none.
    """
    if getattr(attention, "qkv", None) is None:
        layer = getattr(attention, f"{facet[0]}_proj")
        return layer.weight, layer.bias
    place = ("query", "key", "value").index(facet)
    bias = getattr(attention, f"{facet[0]}_bias", None)
    if bias is None and attention.qkv.bias is not None:
        bias = attention.qkv.bias.chunk(3)[place]
    return attention.qkv.weight.chunk(3)[place], bias


def resize_frames(frames: Tensor | Sequence[np.ndarray], height: int, width: int) -> Tensor:
    """Whole frames as small images: resized by antialiased bicubic interpolation, in [0, 1].

    Args:
        frames: (B, H, W, 3) uint8, RGB, or B such arrays of one size.
        height: pixels of the result.
        width: pixels of the result; the aspect need not be kept.

    Returns:
        (B, 3, height, width) float32, on the frames' device.
    """
    stacked = frames if isinstance(frames, Tensor) else torch.from_numpy(np.stack(frames))
    small = images_to.resize(
        stacked.permute(0, 3, 1, 2).float() / 255,  # (B, 3, H, W)
        [height, width],
        InterpolationMode.BICUBIC,
        antialias=True,
    )
    return small.clamp_(0, 1)  # bicubic interpolation overshoots at edges
