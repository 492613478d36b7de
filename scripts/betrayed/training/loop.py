"""Training the spatio-temporal block on cached features."""

import math
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from betrayed.block.block import SpatioTemporalBlock
from betrayed.engine.precision import multiplies_bfloat16
from betrayed.engine.usage import note
from betrayed.errors import UserError
from betrayed.features.reading import common_provenance, read_clip
from betrayed.io.files import whole_file
from betrayed.io.progress import progress
from betrayed.training.checkpoints import resume, run_signature, save_checkpoint
from betrayed.training.clips import Clip, ShortVideos, TrainingVideo, draw_clip, training_videos
from betrayed.training.curves import draw_curves
from betrayed.training.losses import LossSettings, clip_losses
from betrayed.training.processes import Processes

COLUMNS = ("step", "loss", "semantic", "motion", "entropy", "learning_rate")
CHECKPOINT = "checkpoint.pt"
SINGLE_PROCESS = Processes()


@dataclass(frozen=True)
class TrainSettings(LossSettings):
    """Settings of the training, the constants of the losses among them.

    Attributes:
        steps: updates of the weights; more for more data.
        learning_rate: at the start (after the warm-up) of the cosine schedule.
        final_learning_rate: at its end, the last step.
        weight_decay: on matrices; biases and norms have none.
        warmup_steps: steps over which the learning rate rises linearly.
        frames: frames in a clip.
        stride: frames from one of the clip to the next.
        clips_per_step: clips whose losses are averaged for one update.
        heads: attention heads.
        mlp_ratio: hidden width of the MLP over the tokens' width.
        dropout: rate after linear layers.
        attention_dropout: rate on the attention.
        output_dropout: what ``attention_dropout`` means for the block's output, see
            :class:`betrayed.block.block.SpatioTemporalBlock`: ``"key"`` keeps attention fused on a
            CPU, ``"attention"`` is the release's and makes the whole map there.
        precision: ``"mixed"`` computes the block in bfloat16, attention rows and losses in
            float32; ``"auto"`` is mixed on a GPU, and on a CPU that multiplies bfloat16.
        seed: of the weights, the clips, the queries and dropout.
        checkpoint_every: steps between checkpoints.
        short_videos: ``"error"`` or ``"skip"`` for videos shorter than a clip.
    """

    steps: int = 240
    learning_rate: float = 1e-4
    final_learning_rate: float = 1e-5
    weight_decay: float = 0.1
    warmup_steps: int = 0
    frames: int = 3
    stride: int = 4
    clips_per_step: int = 1
    heads: int = 8
    mlp_ratio: float = 4.0
    dropout: float = 0.1
    attention_dropout: float = 0.4
    output_dropout: Literal["key", "attention"] = "key"
    precision: Literal["auto", "float32", "mixed"] = "auto"
    seed: int = 0
    checkpoint_every: int = 20
    short_videos: ShortVideos = "error"

    def __post_init__(self) -> None:
        positive = (
            "steps frames stride clips_per_step heads queries positives negatives "
            "frame_positives frame_negatives checkpoint_every"
        )
        for name in positive.split():
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}.")
        for name in ("seed", "weight_decay", "warmup_steps", "final_learning_rate"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must not be negative, but is {getattr(self, name)}.")
        for name in ("learning_rate", "mlp_ratio"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} must be above 0, not {getattr(self, name)}.")
        for name in ("dropout", "attention_dropout"):
            if not 0 <= getattr(self, name) <= 0.99:
                raise UserError(f"{name} must be from 0 to 0.99, not {getattr(self, name)}.")


def train(
    features: Sequence[str | Path],
    output: str | Path,
    settings: TrainSettings,
    device: torch.device | str = "cpu",
    processes: Processes = SINGLE_PROCESS,
) -> None:
    """Train a block; write ``output`` (block.pt) with training.csv and curves.png beside it.

    The three appear at the end. In between, ``checkpoint.pt`` in the same folder lets a killed
    training go on: each clip draws from generators seeded by the seed, its step and its number in
    the step, so that on the same machine a resumed run equals an undisturbed one bit for bit, and
    any number of processes gives the same result but for rounding. Seeds torch globally.

    Args:
        features: features files of the training videos.
        output: the block to write; :func:`betrayed.block.loading.load_block` reads it.
        settings: see :class:`TrainSettings`.
        device: where to compute.
        processes: those that call this together, each for its share of a step's clips; the first
            one alone writes.

    Raises:
        UserError: features are damaged, differ in what made them or are too short, the processes
            cannot share the clips of a step evenly, or the loss is not finite.
    """
    processes.share(settings.clips_per_step)  # refused before anything is read
    began = time.monotonic()
    output, device = Path(output), torch.device(device)
    made_by = common_provenance(features)
    videos = training_videos(features, settings.frames, settings.stride, settings.short_videos)
    checkpoint = output.with_name(CHECKPOINT)
    signature = run_signature(settings, made_by, features)

    torch.manual_seed(int(_generator(settings.seed, 0).integers(2**63)))
    block = _new_block(videos[0].dim, settings).to(device).train()
    optimizer = AdamW(weight_decay_groups(block, settings.weight_decay), lr=0.0, fused=True)
    log = resume(checkpoint, signature, block, optimizer)

    first = len(log)
    note(
        steps=settings.steps - first,
        clips=settings.clips_per_step,
        clip_frames=settings.frames,
        tokens=max(video.tokens for video in videos),
        dim=block.dim,
        heads=settings.heads,
        mlp_ratio=settings.mlp_ratio,
        queries=settings.queries,
        pairs=settings.frame_positives + settings.frame_negatives,
        whole_map=int(settings.output_dropout == "attention" and settings.attention_dropout > 0),
    )
    bar = progress(range(first, settings.steps), "training", "step")
    for step in bar:
        row = _train_step(step, block, optimizer, videos, settings, device, processes)
        log.append(row)
        bar.set_postfix_str(f"loss {row[1]:.3f}, entropy {row[4]:.2f}", refresh=False)
        due = (step + 1) % settings.checkpoint_every == 0 and step + 1 < settings.steps
        if due and processes.rank == 0:
            state = {"optimizer": optimizer.state_dict(), "log": log, "signature": signature}
            save_checkpoint(checkpoint, block, state)
    if processes.rank > 0:
        return

    _write_table(output.with_name("training.csv"), log)
    limits = sorted({math.log(settings.frames * video.tokens) for video in videos})
    draw_curves(output.with_name("curves.png"), log, COLUMNS, limits)
    facts = {"dim": block.dim, "heads": block.heads, "step": settings.steps}
    save_checkpoint(output, block, {**facts, "settings": asdict(settings), "features": made_by})
    checkpoint.unlink(missing_ok=True)
    print(_summary(log, first, time.monotonic() - began), file=sys.stderr)


def learning_rate(step: int, settings: TrainSettings) -> float:
    """The learning rate of a step (from 0): linear warm-up, then half a cosine to the final one.

    The first step has ``learning_rate / warmup_steps`` (without a warm-up ``learning_rate``), the
    last step ``final_learning_rate``.
    """
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    span = max(1, settings.steps - 1 - settings.warmup_steps)
    part = min(1.0, (step - settings.warmup_steps) / span)
    fall = settings.learning_rate - settings.final_learning_rate
    return settings.final_learning_rate + fall * (1 + math.cos(math.pi * part)) / 2


def weight_decay_groups(block: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups for AdamW: decay on matrices, none on biases and norms."""
    parameters = list(block.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _train_step(
    step: int,
    block: SpatioTemporalBlock,
    optimizer: Optimizer,
    videos: Sequence[TrainingVideo],
    settings: TrainSettings,
    device: torch.device,
    processes: Processes = SINGLE_PROCESS,
) -> list[float]:
    """One update of the weights; returns the row of the table."""
    mixed = settings.precision == "mixed" or (
        settings.precision == "auto" and multiplies_bfloat16(device)
    )
    rate = learning_rate(step, settings)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    values = []
    for number in processes.share(settings.clips_per_step):
        # Clip, queries and dropout depend on the clip's number, not on the process it falls to.
        generator = _generator(settings.seed, step + 1, number)
        torch.manual_seed(int(generator.integers(2**63)))
        clip = draw_clip(videos, settings.frames, settings.stride, settings.queries, generator)
        patch_tokens, class_tokens = _read(clip, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            z, attention = block(patch_tokens, class_tokens)
        positions = torch.from_numpy(clip.positions).to(device)
        losses = clip_losses(z.float(), attention.rows, positions, settings)
        values.append([getattr(losses, field.name).item() for field in fields(losses)])
        if not math.isfinite(values[-1][0]):
            raise UserError(
                f"The loss is {values[-1][0]} at step {step + 1} (on {clip.video.path}). "
                f"Lower learning_rate (now {settings.learning_rate:g}), or raise warmup_steps "
                f"(now {settings.warmup_steps})."
            )
        (losses.total / settings.clips_per_step).backward()
    means = torch.from_numpy(np.mean(values, axis=0) / processes.size).to(device)
    processes.all_reduce_sum([p.grad for p in block.parameters() if p.grad is not None])
    processes.all_reduce_sum([means])
    optimizer.step()
    return [step + 1, *means.tolist(), rate]


def _read(clip: Clip, device: torch.device) -> tuple[Tensor, Tensor]:
    """Patch tokens (T, N, D) and class tokens (T, D) of a clip."""
    patch_tokens, class_tokens = read_clip(clip.video.path, clip.frames, clip.view)
    if class_tokens.shape[1] != clip.video.dim:
        raise UserError(
            f"{clip.video.path} has class tokens of width {class_tokens.shape[1]} and patch "
            f"tokens of width {clip.video.dim}; the block needs one width. Choose another facet."
        )
    return patch_tokens.to(device), class_tokens.to(device)


def _generator(seed: int, step: int, clip: int = 0) -> np.random.Generator:
    """What a clip of a step (from 1) draws from; step 0 is for the first weights."""
    return np.random.default_rng([seed, step, clip])


def _new_block(dim: int, settings: TrainSettings) -> SpatioTemporalBlock:
    return SpatioTemporalBlock(
        dim,
        settings.heads,
        settings.mlp_ratio,
        settings.dropout,
        settings.attention_dropout,
        settings.output_dropout,
    )


def _write_table(path: Path, log: Iterable[Sequence[float]]) -> None:
    lines = [",".join(COLUMNS)]
    lines += [",".join(f"{value:.9g}" for value in row) for row in log]
    with whole_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")


def _summary(log: list[list[float]], first: int, seconds: float) -> str:
    done = len(log) - first
    last = dict(zip(COLUMNS, log[-1], strict=True))
    return (
        f"{done} steps in {seconds:.0f} s ({seconds / max(1, done):.2f} s each); at the last: "
        f"semantic {last['semantic']:.3f}, motion {last['motion']:.3f}, "
        f"entropy {last['entropy']:.2f} nats."
    )
