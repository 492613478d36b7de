"""Attention of a video in factored form: queries and keys of every frame, rows on demand."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betrayed.block.block import SpatioTemporalBlock
from betrayed.block.loading import load_block
from betrayed.engine.gpu_memory import Batches, out_of_memory
from betrayed.engine.precision import exact_float32
from betrayed.errors import UserError
from betrayed.io.artefacts import check_finite, create, open_checked, provenance
from betrayed.io.chunks import all_finite, makes_chunks, with_checksums, write_rows
from betrayed.io.files import sha256, synced_meanwhile
from betrayed.io.prefetching import batches, pinned, read_ahead, to_host, write_behind
from betrayed.io.progress import progress
from betrayed.io.row_reading import read_rows

# What a block was trained on must be what it is now given, or its attention means nothing.
SAME_FEATURES = ("backbone", "weights_sha256", "facet", "layer")

FACTORS = ("queries", "keys")
BATCH_SIZE = 4  # frames at a time; more gains little, since reading and writing take longer
# What can be set where one frame does not fit.
_REMEDY = "Lower features.height and features.width, or set device: cpu."


def export_attention(
    features_path: str | Path,
    block_path: str | Path,
    output: str | Path,
    device: torch.device,
    batch_size: int | None = None,
) -> None:
    """Write the attention of every frame of a video: see :func:`compute_attention`."""
    compute_attention(features_path, block_path, output, device, batch_size)()


def compute_attention(
    features_path: str | Path,
    block_path: str | Path,
    output: str | Path,
    device: torch.device,
    batch_size: int | None = None,
) -> Callable[[], None]:
    """Compute the queries and keys that a trained block gives for every frame of a video.

    Features are read ahead and the results written behind, in threads. On a GPU too it computes
    in float32, without TF32: half precision would speed up about a fiftieth of what the backbone
    has done. Where memory runs out, fewer frames are taken at a time.

    Args:
        features_path: features artefact without augmented views.
        block_path: ``block.pt`` of the trained block.
        output: attention artefact to write: ``queries`` and ``keys``, (T, heads, N, d) float16
            in chunks of one frame.
        device: where to compute.
        batch_size: frames at a time at most; None: 4. It changes results by the rounding of
            float32 at most.

    Returns:
        What waits until all is written, and puts the file in its place: to be called once, in any
        thread. Another video may be computed meanwhile.

    Raises:
        UserError: the features are augmented views, or not of the kind the block was trained on, a
            value is not finite, or memory does not do for one frame; of the values the function
            that is returned may tell.
    """
    digest = sha256(block_path) if Path(block_path).is_file() else ""
    block, info = _loaded(block_path, digest)
    with out_of_memory(f"loading {block_path}", _REMEDY):
        block = block.to(device).eval()
    with open_checked(features_path, "features") as features:
        made_by = provenance(features)
        if "patch_tokens" not in features:
            raise UserError(
                f"{features_path} holds augmented views, which serve training. "
                "Attention needs the features of the frames themselves (views: 0)."
            )
        check_features(features_path, made_by, block_path, info["features"])
        tokens = features["patch_tokens"]  # (T, N, D)
        if tokens.shape[2] != info["dim"]:
            raise UserError(
                f"{features_path} has tokens of width {tokens.shape[2]}, but {block_path} takes "
                f"{info['dim']}. Use the backbone that the block was trained with."
            )
        count = len(tokens)
        made_by |= {"block_sha256": digest, "block_step": info["step"]}
        batch_size = BATCH_SIZE if batch_size is None else batch_size
        runs = batches(count, batch_size)
        fitting = Batches(batch_size, f"attention of {made_by['video']}", _REMEDY)

        def read(frames: range) -> Tensor:
            clip = read_rows(tokens, frames)  # (B, N, D) float16
            check_finite(features_path, "patch_tokens", clip)
            return pinned(clip, device)

        with read_ahead(read, runs) as clips, ExitStack() as ending:
            file = ending.enter_context(create(output, "attention", made_by))
            for name in ("grid", "frame_size", "count"):
                file.attrs[name] = features.attrs[name]
            frame = (block.heads, tokens.shape[1], block.dim // block.heads)  # heads, N, d
            for name in FACTORS:
                file.create_dataset(name, (count, *frame), np.float16, chunks=(1, *frame))
            whole_chunks = makes_chunks(device, file[FACTORS[0]])

            def write(frames: range, fetch: Callable[[], list[np.ndarray]]) -> None:
                *factors, finite = fetch()
                for name, factor, good in zip(FACTORS, factors, finite, strict=True):
                    if not good:
                        raise UserError(
                            f"{block_path} gives {name} that are no finite float16 for frames "
                            f"{frames.start} to {frames.stop - 1} of {features_path}. Train it "
                            "anew with a lower learning rate."
                        )
                    if whole_chunks:
                        write_rows(file[name], frames.start, factor)
                    else:
                        file[name][frames.start : frames.stop] = factor
                written(sum(factor.nbytes for factor in factors))

            written = ending.enter_context(synced_meanwhile(file.filename))
            put = ending.enter_context(write_behind(write))

            def compute(first: int, clip: Tensor, frames: range) -> None:
                """Of a clip that begins with frame ``first`` those of some frames."""
                some = clip[frames.start - first : frames.stop - first]
                factors = block.queries_keys(some.to(device, non_blocking=True).float())
                factors = [factor.half() for factor in factors]
                finite = torch.stack([all_finite(factor) for factor in factors])
                if whole_chunks:
                    factors = [with_checksums(factor) for factor in factors]
                put(frames, to_host([*factors, finite]))

            shown = progress(runs, f"attention {made_by['video']}", "batch")
            with torch.inference_mode(), exact_float32(device):
                for run, clip in zip(shown, clips, strict=True):
                    fitting.over(run, partial(compute, run.start, clip))
            return ending.pop_all().close


@lru_cache(maxsize=1)
def _loaded(path: str | Path, digest: str) -> tuple[SpatioTemporalBlock, dict[str, Any]]:
    """The block of a file with that content, read and checked once for all videos of a batch."""
    return load_block(path)


def check_features(
    features_path: str | Path,
    made_by: Mapping[str, Any],
    block_path: str | Path,
    trained_on: Mapping[str, Any],
) -> None:
    """Raise a UserError unless features are of the kind that a block was trained on.

    Blocks of the paper's release do not say what they were trained on, so nothing is compared.
    """
    for name in SAME_FEATURES if trained_on else ():
        if made_by.get(name) != trained_on.get(name):
            raise UserError(
                f"{features_path} has {name} = {made_by.get(name)!r}, but {block_path} was "
                f"trained on {name} = {trained_on.get(name)!r}. Cache the features again with "
                "the block's settings, or train a block on these features."
            )
