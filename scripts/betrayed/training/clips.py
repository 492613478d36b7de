"""Training clips: which videos can give one, drawing one at random, and reading its tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betrayed.config.training import ShortVideos
from betrayed.errors import UserError
from betrayed.features.reading import describe, read_clip
from betrayed.io.notes import note

_MOST_NAMED = 8


@dataclass(frozen=True)
class TrainingVideo:
    """A features file that is long enough for a clip."""

    path: Path
    name: str
    count: int
    tokens: int  # patch tokens a frame
    dim: int
    views: int


@dataclass(frozen=True)
class Clip:
    """One draw: frames of a video, as one of its views shows them, and the query positions."""

    video: TrainingVideo
    frames: tuple[int, ...]
    view: int | None
    positions: np.ndarray  # (Q,) int64, distinct


@dataclass(frozen=True)
class DrawnClip:
    """A clip of a step, and the seed of whatever else is drawn for it."""

    number: int  # among the clips of its step
    seed: int
    clip: Clip


@dataclass(frozen=True)
class LoadedClip:
    """A clip of a step with its tokens in the host's memory."""

    number: int
    seed: int
    patch_tokens: Tensor  # (T, N, D)
    class_tokens: Tensor  # (T, D)
    positions: Tensor  # (Q,) int64

    def on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Patch tokens, class tokens and positions on a device, without waiting for the copies."""
        tensors = self.patch_tokens, self.class_tokens, self.positions
        return tuple(one.to(device, non_blocking=True) for one in tensors)


def training_videos(
    paths: Sequence[str | Path], frames: int, stride: int, short_videos: ShortVideos
) -> list[TrainingVideo]:
    """The videos that can give a clip of ``frames`` frames, ``stride`` apart.

    Args:
        paths: features files.
        frames: frames in a clip.
        stride: frames from one of the clip to the next.
        short_videos: ``"error"``: a video that is too short is refused; ``"skip"``: it is left
            out, and a line says how many were.

    Raises:
        UserError: a video is too short, none is long enough, or the widths of tokens differ.
    """
    needed = (frames - 1) * stride + 1
    described = [(Path(path), describe(path)) for path in paths]
    videos = [_training_video(path, facts) for path, facts in described]
    short = [video for video in videos if video.count < needed]
    if short and short_videos == "error":
        raise UserError(
            f"{short[0].name} ({short[0].path}) has {short[0].count} frames, but a training clip "
            f"needs {needed}: {frames} frames, {stride} apart"
            + (f"; {len(short) - 1} more are too short" if len(short) > 1 else "")
            + ". Leave it out of the training videos (training.videos), lower training.stride or "
            "training.frames, or set training.short_videos: skip."
        )
    long = [video for video in videos if video.count >= needed]
    if not long:
        raise UserError(
            f"No video has the {needed} computed frames of a training clip ({frames} frames, "
            f"{stride} apart). Give longer videos, compute more of their frames (films.step, "
            "STEP=), lower training.stride or training.frames, or take a block that was trained "
            "before (training.checkpoint, BLOCK=)."
        )
    if short:
        note(
            f"{len(short)} of {len(videos)} videos are shorter than a training clip of {needed} "
            f"frames, and the block is not trained on them: {_names(short)}."
        )
    for video in long:
        if video.dim != long[0].dim:
            raise UserError(
                f"{video.path} has tokens of width {video.dim}, {long[0].path} of {long[0].dim}. "
                "Train on the features of one backbone."
            )
    return long


def _names(videos: Sequence[TrainingVideo]) -> str:
    names = ", ".join(video.name for video in videos[:_MOST_NAMED])
    more = len(videos) - _MOST_NAMED
    return f"{names} and {more} more" if more > 0 else names


def draw_clip(
    videos: Sequence[TrainingVideo],
    frames: int,
    stride: int,
    queries: int,
    generator: np.random.Generator,
) -> Clip:
    """Draw a clip: video, first frame, view and query positions, each uniformly.

    Videos count alike whatever their length: neighbouring clips of one long video show nearly the
    same, different videos do not. Where a frame has fewer tokens than ``queries``, each is one.
    """
    video = videos[generator.integers(len(videos))]
    start = int(generator.integers(video.count - (frames - 1) * stride))
    view = int(generator.integers(video.views)) if video.views else None
    positions = generator.choice(video.tokens, min(queries, video.tokens), replace=False)
    return Clip(video, tuple(start + i * stride for i in range(frames)), view, positions)


def draw_step_clip(
    step: int, number: int, videos: Sequence[TrainingVideo], settings: Any
) -> DrawnClip:
    """A clip of a step (from 0), always the same one for the same seed.

    Args:
        step: of the training.
        number: of the clip in the step.
        videos: those that can give one.
        settings: the training's: ``seed``, ``frames``, ``stride`` and ``queries``.
    """
    generator = generator_of(settings.seed, step + 1, number)
    seed = int(generator.integers(2**63))
    clip = draw_clip(videos, settings.frames, settings.stride, settings.queries, generator)
    return DrawnClip(number, seed, clip)


def load_clip(drawn: DrawnClip, device: torch.device) -> LoadedClip:
    """Read a clip's tokens, into memory that ``device`` can copy from while others work."""
    clip = drawn.clip
    patch_tokens, class_tokens = read_clip(clip.video.path, clip.frames, clip.view)
    if class_tokens.shape[1] != clip.video.dim:
        raise UserError(
            f"{clip.video.path} has class tokens of width {class_tokens.shape[1]} and patch "
            f"tokens of width {clip.video.dim}; the block needs one width. Choose another facet."
        )
    tensors = patch_tokens, class_tokens, torch.from_numpy(clip.positions)
    if device.type == "cuda":
        tensors = tuple(one.pin_memory() for one in tensors)
    return LoadedClip(drawn.number, drawn.seed, *tensors)


def generator_of(seed: int, step: int, clip: int = 0) -> np.random.Generator:
    """What a clip of a step (from 1) draws from; step 0 is for the first weights."""
    return np.random.default_rng([seed, step, clip])


def _training_video(path: Path, facts: dict[str, Any]) -> TrainingVideo:
    height, width = facts["grid"]
    name = facts["made_by"].get("video", path.stem)
    return TrainingVideo(path, name, facts["count"], height * width, facts["dim"], facts["views"])
