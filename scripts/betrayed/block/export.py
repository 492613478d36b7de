"""Attention of a video in factored form: queries and keys of every frame, rows on demand."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
    """Write the attention of every frame of a video: see :func:`begin_attention`."""
    begin_attention(features_path, block_path, output, device, batch_size)()()


def begin_attention(
    features_path: str | Path,
    block_path: str | Path,
    output: str | Path,
    device: torch.device,
    batch_size: int | None = None,
    ahead: int = 0,
) -> Callable[[], Callable[[], None]]:
    """Read the features of a video, of whose frames a block's queries and keys are then computed.

    Features are read ahead and the results written behind, in threads. On a GPU too it computes in
    float32, without TF32: half precision would speed up about a fiftieth of what the backbone has
    done. Where memory runs out, fewer frames are taken at a time.

    Args:
        features_path: features artefact without augmented views.
        block_path: ``block.pt`` of the trained block.
        output: attention artefact to write: ``queries`` and ``keys``, (T, heads, N, d) float16
            in chunks of one frame.
        device: where to compute.
        batch_size: frames at a time at most; None: 4. It changes results by the rounding of
            float32 at most.
        ahead: features of more bytes are read only while what is returned computes.

    Returns:
        What computes them: to be called in the thread that computes other videos, while any thread
        may read the features of the next one. It returns what waits until all is written, and puts
        the file in its place: to be called once, in any thread. Another video may be computed
        meanwhile.

    Raises:
        UserError: the features are augmented views, or not of the kind the block was trained on, a
            value is not finite, or memory does not do for one frame; of the values and of memory
            the functions that are returned may tell.
    """
    size = BATCH_SIZE if batch_size is None else batch_size
    if ahead:
        with _opened(features_path, block_path, device) as features:
            count = features.shape[0]
            if 2 * math.prod(features.shape) <= ahead:  # of float16
                tokens, runs = features.read(range(count)), batches(count, size)
                clips = [tokens[run.start : run.stop] for run in runs]
                return partial(_computed, features, output, device, runs, clips)
    return partial(_read_and_computed, features_path, block_path, output, device, size)


@dataclass(frozen=True)
class _Features:
    """Features of a video, and a block that they fit.

    Attributes:
        block: where it was last computed with.
        block_path: its file.
        path: the file of the features.
        shape: frames, tokens of a frame, and their width.
        attributes: what the attention of the video has in common with its features.
        made_by: what makes the attention.
        read: while the file is open, the tokens of some frames, (B, N, D) float16.
    """

    block: SpatioTemporalBlock
    block_path: str | Path
    path: str | Path
    shape: tuple[int, int, int]
    attributes: dict[str, Any]
    made_by: dict[str, Any]
    read: Callable[[range], Tensor]


@contextmanager
def _opened(path: str | Path, block_path: str | Path, device: torch.device) -> Iterator[_Features]:
    """Open the features of a video, checked against a block."""
    digest = sha256(block_path) if Path(block_path).is_file() else ""
    block, info = _loaded(block_path, digest)
    with open_checked(path, "features") as features:
        made_by = provenance(features)
        if "patch_tokens" not in features:
            raise UserError(
                f"{path} holds augmented views, which serve training. "
                "Attention needs the features of the frames themselves (views: 0)."
            )
        check_features(path, made_by, block_path, info["features"])
        tokens = features["patch_tokens"]  # (T, N, D)
        if tokens.shape[2] != info["dim"]:
            raise UserError(
                f"{path} has tokens of width {tokens.shape[2]}, but {block_path} takes "
                f"{info['dim']}. Use the backbone that the block was trained with."
            )

        def read(frames: range) -> Tensor:
            clip = read_rows(tokens, frames)
            check_finite(path, "patch_tokens", clip)
            return pinned(clip, device)

        attributes = {name: features.attrs[name] for name in ("grid", "frame_size", "count")}
        made_by |= {"block_sha256": digest, "block_step": info["step"]}
        yield _Features(block, block_path, path, tokens.shape, attributes, made_by, read)


def _read_and_computed(
    features_path: str | Path,
    block_path: str | Path,
    output: str | Path,
    device: torch.device,
    batch_size: int,
) -> Callable[[], None]:
    """The attention of a video whose features are read meanwhile."""
    with _opened(features_path, block_path, device) as features:
        runs = batches(features.shape[0], batch_size)
        with read_ahead(features.read, runs) as clips:
            return _computed(features, output, device, runs, clips)


def _computed(
    features: _Features,
    output: str | Path,
    device: torch.device,
    runs: Sequence[range],
    clips: Iterable[Tensor],
) -> Callable[[], None]:
    """The attention of some features, of which there is a clip for each run of frames."""
    count, tokens, _ = features.shape
    title = f"attention of {features.made_by['video']}"
    fitting = Batches(max(map(len, runs), default=1), title, _REMEDY)
    with out_of_memory(f"loading {features.block_path}", _REMEDY):
        block = features.block.to(device).eval()
    with ExitStack() as ending:
        file = ending.enter_context(create(output, "attention", features.made_by))
        file.attrs.update(features.attributes)
        frame = (block.heads, tokens, block.dim // block.heads)  # heads, N, d
        for name in FACTORS:
            file.create_dataset(name, (count, *frame), np.float16, chunks=(1, *frame))
        whole_chunks = makes_chunks(device, file[FACTORS[0]])

        def write(frames: range, fetch: Callable[[], list[np.ndarray]]) -> None:
            *factors, finite = fetch()
            for name, factor, good in zip(FACTORS, factors, finite, strict=True):
                if not good:
                    raise UserError(
                        f"{features.block_path} gives {name} that are no finite float16 for frames "
                        f"{frames.start} to {frames.stop - 1} of {features.path}. Train it "
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

        shown = progress(runs, f"attention {features.made_by['video']}", "batch")
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
