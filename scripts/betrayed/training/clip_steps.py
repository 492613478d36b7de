"""What one clip adds to the gradients; on a GPU recorded once for all clips of its shape."""

from dataclasses import fields

import torch
from torch import Tensor

from betrayed.block.block import SpatioTemporalBlock
from betrayed.config.training import TrainSettings
from betrayed.engine.cuda_graphs import Recording
from betrayed.training.clips import LoadedClip
from betrayed.training.losses import Losses, clip_losses

#: What a clip's step gives, in this order.
VALUES = tuple(field.name for field in fields(Losses))
_MOST_SHAPES = 4  # recorded; each keeps its memory


class ClipSteps:
    """Computes the losses of clips and adds the gradients of their share in a step's loss.

    Whatever is drawn for a clip, such as dropout, is drawn from its seed.

    Args:
        block: what is trained.
        settings: see :class:`betrayed.config.training.TrainSettings`.
        precision: ``mixed`` or ``float32``.
        record: whether to record steps as CUDA graphs; None: on GPUs.

    Attributes:
        device: the block's.
    """

    def __init__(
        self,
        block: SpatioTemporalBlock,
        settings: TrainSettings,
        precision: str,
        record: bool | None = None,
    ) -> None:
        self._block, self._settings, self._mixed = block, settings, precision == "mixed"
        self.device = next(block.parameters()).device
        self._record = self.device.type == "cuda" if record is None else record
        self._recordings: dict[tuple[torch.Size, ...], Recording] = {}

    def add(self, clip: LoadedClip) -> Tensor:
        """Add a clip's gradients to those that are there.

        Gradients that are there have to stay where they are: empty them with
        ``zero_grad(set_to_none=False)``.

        Returns:
            (4,), total, semantic and motion loss, and entropy; overwritten by the next call.
        """
        given = clip.on(self.device)
        shape = tuple(one.shape for one in given)
        if self._record and shape not in self._recordings and len(self._recordings) < _MOST_SHAPES:
            self._recordings[shape] = self._recorded(*given)
        # Clip, queries and dropout depend on the clip's number, not on the process it falls to.
        torch.manual_seed(clip.seed)
        return self._recordings.get(shape, self._step)(*given)[0]

    def _step(self, patch_tokens: Tensor, class_tokens: Tensor, positions: Tensor) -> tuple[Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._mixed):
            z, attention = self._block(patch_tokens, class_tokens)
        losses = clip_losses(z.float(), attention.rows, positions, self._settings)
        (losses.total / self._settings.clips_per_step).backward()
        return (torch.stack([getattr(losses, name) for name in VALUES]).detach(),)

    def _recorded(self, *given: Tensor) -> Recording:
        """Record the step of a clip; gradients are afterwards as they were before."""
        parameters = list(self._block.parameters())
        before = [None if one.grad is None else one.grad.clone() for one in parameters]
        recording = Recording(self._step, *given)
        for parameter, gradient in zip(parameters, before, strict=True):
            parameter.grad.zero_() if gradient is None else parameter.grad.copy_(gradient)
        return recording
