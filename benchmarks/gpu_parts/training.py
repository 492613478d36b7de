"""A step of training against the plain one, a whole training, and the export of attention."""

import statistics
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import torch
from plain_training import plain_loss

from betrayed.block.export import export_attention
from betrayed.config.training import TrainSettings
from betrayed.engine.determinism import deterministic_algorithms
from betrayed.engine.precision import exact_float32, multiplies_bfloat16
from betrayed.training.clip_steps import ClipSteps
from betrayed.training.clips import LoadedClip
from betrayed.training.loop import new_block, train, weight_decay_groups
from gpu_parts.bench import Bench, Rows, ratio
from gpu_parts.made import block_file, tokens_file


def training(bench: Bench) -> Rows:
    """A step of the paper's settings on one clip, against the plain step."""
    size, device = bench.size, bench.device
    settings = TrainSettings(output_dropout="attention")
    torch.manual_seed(0)
    count = size.clip_grid[0] * size.clip_grid[1]
    clip = torch.randn(settings.frames, count, 384), torch.randn(settings.frames, 384)
    patch_tokens, class_tokens = (one.to(device) for one in clip)

    # On the device, as the plain step has it; a training's clips come from pinned memory.
    loaded = LoadedClip(
        0, 0, patch_tokens, class_tokens, torch.arange(settings.queries, device=device)
    )

    def stepper(kind: str) -> Callable[[], None]:
        block = new_block(384, settings).to(device).train()
        optimizer = torch.optim.AdamW(
            weight_decay_groups(block, settings.weight_decay), 1e-5, fused=True
        )
        precision = "float32" if "float32" in kind else "mixed"
        # Recorded with the algorithms that are then in force.
        clip_steps = ClipSteps(block, settings, precision, None if "recorded" in kind else False)

        def steps() -> None:
            exact = nullcontext() if kind == "plain" else exact_float32(device)
            with deterministic_algorithms("deterministic" in kind), exact:
                for _ in range(size.steps):
                    optimizer.zero_grad(set_to_none=False)
                    if kind == "plain":
                        at = torch.randperm(count, device=device)[: settings.queries]
                        plain_loss(block, patch_tokens, class_tokens, at, settings).backward()
                    else:
                        clip_steps.add(loaded)
                    optimizer.step()

        return steps

    ways = ["", ", recorded", ", recorded, deterministic"]
    kinds = ["plain", *(f"float32{way}" for way in ways)]
    if multiplies_bfloat16(device):
        kinds += [f"mixed{way}" for way in ways]
    steps = {kind: stepper(kind) for kind in kinds}
    times = bench.turns(steps)
    rows = [
        {
            "step": kind,
            "ms": 1e3 * statistics.median(times[kind]) / size.steps,
            "times faster": ratio(times, "plain", kind),
            "peak GB": bench.peak(steps[kind]),
        }
        for kind in kinds
    ]
    default = "mixed, recorded" if "mixed" in kinds else "float32, recorded"
    faster = ratio(times, "plain", default)
    return rows, {"training step, paper's settings, over the plain step": faster}


def reading(bench: Bench) -> Rows:
    """A whole training from files, whose clips are read ahead, a step each."""
    path = tokens_file(bench.folder / "clips.h5", 30, bench.size.clip_grid)
    settings = TrainSettings(
        steps=bench.size.training_steps,
        output_dropout="attention",
        checkpoint_every=10**6,
        snapshots=0,
    )
    output = bench.folder / "trained" / "block.pt"

    def whole(steps: int) -> None:
        train([path], output, replace(settings, steps=steps), bench.device)

    whole(1)
    start = bench.seconds(lambda: whole(1))
    seconds, busy = bench.busy(lambda: whole(settings.steps))
    each = 1e3 * (seconds - start) / max(1, settings.steps - 1)
    return [{"steps": settings.steps, "ms each": each, "GPU busy": busy}], {}


def export(bench: Bench) -> Rows:
    """Attention export from cached tokens."""
    size = bench.size
    path = tokens_file(bench.folder / "tokens.h5", size.frames, size.export_grid)
    block = block_file(bench.folder / "export.pt", 384)
    output = bench.folder / "attention.h5"
    rows = []
    for frames in (4, 16):
        step = partial(export_attention, path, block, output, bench.device, frames)
        times = bench.turns({"export": step}, made=[output])["export"]
        rate = size.frames / statistics.median(times)
        rows.append(
            {
                "tokens a frame": size.export_grid[0] * size.export_grid[1],
                "frames at once": frames,
                "frames/s": rate,
                "GB/s written": output.stat().st_size / statistics.median(times) / 1e9,
                "peak GB": bench.peak(step),
            }
        )
    output.unlink()
    return rows, {}
