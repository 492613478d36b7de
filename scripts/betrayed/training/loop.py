"""Training the spatio-temporal block on cached features."""

import math
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from betrayed.block.block import SpatioTemporalBlock
from betrayed.config.training import TrainSettings
from betrayed.engine.determinism import deterministic_algorithms
from betrayed.engine.gpu_memory import out_of_memory
from betrayed.engine.precision import exact_float32, multiplies_bfloat16
from betrayed.features.reading import common_provenance
from betrayed.io.prefetching import read_ahead
from betrayed.io.progress import progress
from betrayed.training.checkpoints import fitting_checkpoint, run_signature, save_checkpoint
from betrayed.training.clip_steps import VALUES, ClipSteps
from betrayed.training.clips import (
    LoadedClip,
    draw_step_clip,
    generator_of,
    load_clip,
    training_videos,
)
from betrayed.training.log import TrainingLog
from betrayed.training.processes import Processes
from betrayed.training.snapshots import FOLDER, snapshot_file, snapshot_steps

CHECKPOINT = "checkpoint.pt"
SINGLE_PROCESS = Processes()
# What can be set where a clip does not fit.
_REMEDY = (
    "Lower training.height and training.width, training.frames or training.queries, set "
    "training.precision: mixed where it is float32, or set device: cpu."
)


def train(
    features: Sequence[str | Path],
    output: str | Path,
    settings: TrainSettings,
    device: torch.device | str = "cpu",
    processes: Processes = SINGLE_PROCESS,
    made_from: Any = None,
) -> None:
    """Train a block; write ``output`` (block.pt) with training.csv beside it.

    Both appear at the end. Before, ``snapshots/`` has weights of some steps, each a block like
    ``output``; see :func:`betrayed.training.snapshots.snapshot_steps`. In between,
    ``checkpoint.pt`` in the same folder lets a killed training go on: each clip draws from
    generators seeded by the seed, its step and its number in the step, so that any number of
    processes gives the same result but for rounding. On one machine, with one number of threads and
    processes, a resumed run equals an undisturbed one bit for bit: on a CPU always, on a GPU with
    ``deterministic``. Seeds torch globally.

    Clips are read ahead in threads. What a step's losses were is looked at while the next one is
    computed, so that a GPU waits for neither.

    Args:
        features: features files of the training videos.
        output: the block to write; :func:`betrayed.block.loading.load_block` reads it.
        settings: see :class:`betrayed.config.training.TrainSettings`.
        device: where to compute.
        processes: those that call this together, each for its share of a step's clips; the first
            one alone writes.
        made_from: what a checkpoint's features and program must share with these, see
            :func:`betrayed.training.checkpoints.run_signature`.

    Raises:
        UserError: features are damaged, differ in what made them or are too short, the processes
            cannot share the clips of a step evenly, the loss is not finite, or memory does not do
            for a clip.
    """
    processes.share(settings.clips_per_step)  # refused before anything is read
    began = time.monotonic()
    output, device = Path(output), torch.device(device)
    made_by = common_provenance(features)
    videos = training_videos(features, settings.frames, settings.stride, settings.short_videos)
    checkpoint = output.with_name(CHECKPOINT)
    signature = run_signature(settings, made_by, features, made_from)

    precision = _precision(settings, device)

    with (
        out_of_memory("training", _REMEDY),
        deterministic_algorithms(settings.deterministic),  # before anything is multiplied
        exact_float32(device),
    ):
        torch.manual_seed(int(generator_of(settings.seed, 0).integers(2**63)))
        block = new_block(videos[0].dim, settings).to(device).train()
        optimizer = AdamW(weight_decay_groups(block, settings.weight_decay), lr=0.0, fused=True)
        # The first process alone decides where all begin, and with what weights.
        stored = None
        if processes.rank == 0:
            stored = fitting_checkpoint(checkpoint, signature, precision)
        if stored := processes.from_first(stored):
            block.load_state_dict(stored["model_state_dict"])
            optimizer.load_state_dict(stored["optimizer"])
        processes.broadcast(block.parameters())
        log = TrainingLog(settings, videos, stored["log"] if stored else [])
        first = len(log.rows)

        def save(path: Path, rest: dict[str, Any]) -> None:
            if processes.rank == 0:
                save_checkpoint(path, block, {**rest, "precision": precision})

        def save_block(path: Path, step: int) -> None:
            facts = {"dim": block.dim, "heads": block.heads, "step": step}
            facts |= {"settings": asdict(settings), "features": made_by, "device": device.type}
            save(path, facts)

        kept = snapshot_steps(settings.steps, settings.snapshots)
        if first == 0 and processes.rank == 0:
            shutil.rmtree(output.with_name(FOLDER), ignore_errors=True)  # of another training
        if first == 0 and kept:
            save_block(snapshot_file(output, 0), 0)
        clip_steps = ClipSteps(block, settings, precision)
        steps = range(first, settings.steps)
        own = processes.share(settings.clips_per_step)
        drawn = (draw_step_clip(step, number, videos, settings) for step in steps for number in own)
        readers = 2 if device.type == "cuda" else 1  # a CPU's threads are busy with the steps
        with read_ahead(partial(load_clip, device=device), drawn, readers) as clips:
            bar = progress(steps, "training", "step")
            for step in bar:
                rate = learning_rate(step, settings)
                some = islice(clips, len(own))
                losses = _train_step(
                    some, rate, clip_steps, optimizer, settings.clips_per_step, processes
                )
                log.add(losses, rate)
                bar.set_postfix_str(log.last(), refresh=False)
                if step + 1 in kept:
                    save_block(snapshot_file(output, step + 1), step + 1)
                if (step + 1) % settings.checkpoint_every == 0 and step + 1 < settings.steps:
                    log.settle()
                    state = {"optimizer": optimizer.state_dict(), "log": log.rows}
                    save(checkpoint, {**state, "signature": signature})
        log.settle()
    if processes.rank > 0:
        return

    log.write(output.with_name("training.csv"))
    save_block(output, settings.steps)
    checkpoint.unlink(missing_ok=True)
    print(log.summary(first, time.monotonic() - began, precision), file=sys.stderr)


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
    clips: Iterable[LoadedClip],
    rate: float,
    clip_steps: ClipSteps,
    optimizer: Optimizer,
    clips_per_step: int,
    processes: Processes = SINGLE_PROCESS,
) -> Tensor:
    """One update of the weights, from this process's clips of a step.

    Returns:
        (clips_per_step, 4) on the block's device: total, semantic and motion loss, and entropy of
        every clip of the step, of all processes.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=False)
    values = torch.zeros(clips_per_step, len(VALUES), device=clip_steps.device)
    for clip in clips:
        values[clip.number] = clip_steps.add(clip)
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
    processes.all_reduce_sum([one for one in gradients if one is not None])
    processes.all_reduce_sum([values])
    optimizer.step()
    return values


def _precision(settings: TrainSettings, device: torch.device) -> str:
    """The precision that is used: ``mixed`` or ``float32``."""
    if settings.precision != "auto":
        return settings.precision
    return "mixed" if multiplies_bfloat16(device) else "float32"


def new_block(dim: int, settings: TrainSettings) -> SpatioTemporalBlock:
    """A block with random weights for tokens of width ``dim``."""
    return SpatioTemporalBlock(
        dim,
        settings.heads,
        settings.mlp_ratio,
        settings.dropout,
        settings.attention_dropout,
        settings.output_dropout,
    )
