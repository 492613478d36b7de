"""The feature cache: what the frozen backbone gives for each frame of a video, computed once."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import chain, islice
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from betrayed.config.features import FeatureSettings
from betrayed.engine.gpu_memory import Batches, out_of_memory
from betrayed.errors import UserError
from betrayed.features.augmentation import augment, draw_view
from betrayed.features.backbone import Backbone, resize_frames
from betrayed.io.artefacts import create
from betrayed.io.chunks import all_finite, makes_chunks, with_checksums, write_rows
from betrayed.io.files import sha256, synced_meanwhile
from betrayed.io.prefetching import batches, pinned, read_ahead, to_host, write_behind
from betrayed.io.progress import progress
from betrayed.video.video import Video

# What can be set where one frame does not fit.
_REMEDY = (
    "Lower features.height and features.width (or those of refinement or training, if these are "
    "their features), set features.precision to float16 where it is float32, or set device: cpu."
)
DATASETS = ("patch_tokens", "class_tokens", "class_attention")


def cache_features(
    video: Video,
    settings: FeatureSettings,
    weights: str | Path | None,
    output: str | Path,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
) -> None:
    """Load the backbone and write the features of every frame of a video.

    Args:
        video: the frames.
        settings: see :class:`betrayed.config.features.FeatureSettings`.
        weights: safetensors file of the backbone's weights; None: random ones (tests).
        output: the features artefact to write, see :func:`write_features`.
        device: where the backbone computes.
        batch_size: frames at a time at most; None: :func:`default_batch_size`.

    Raises:
        UserError: a name or file does not fit, or see :func:`write_features`.
    """
    backbone = load_backbone(settings, weights, device)
    digest = sha256(weights) if weights is not None else None
    write_features(video, settings, backbone, digest, output, batch_size)


def load_backbone(
    settings: FeatureSettings, weights: str | Path | None, device: torch.device | str
) -> Backbone:
    """The backbone that some settings ask for, on a device.

    Args:
        settings: see :class:`betrayed.config.features.FeatureSettings`.
        weights: safetensors file of the backbone's weights; None: random ones (tests).
        device: where it computes.

    Raises:
        UserError: a name or file does not fit, or memory does not do.
    """
    with out_of_memory(f"loading {settings.backbone}", _REMEDY):
        return Backbone(
            settings.backbone, weights, device, settings.facet, settings.layer, settings.precision
        )


def write_features(
    video: Video,
    settings: FeatureSettings,
    backbone: Backbone,
    weights_sha256: str | None,
    output: str | Path,
    batch_size: int | None = None,
) -> None:
    """Write the features of every frame of a video: see :func:`begin_features`."""
    begin_features(video, settings, backbone, weights_sha256, output, batch_size)()()


def begin_features(
    video: Video,
    settings: FeatureSettings,
    backbone: Backbone,
    weights_sha256: str | None,
    output: str | Path,
    batch_size: int | None = None,
    ahead: int = 0,
) -> Callable[[], Callable[[], None]]:
    """Decode the first frames of a video, whose features are then computed.

    The backbone is loaded already.

    The file holds ``patch_tokens`` (T, N, D) float16 in chunks of one frame, ``class_tokens``
    (T, D) and ``class_attention`` (T, N) float16, see
    :meth:`betrayed.features.backbone.Backbone.extract`; with views, groups ``view0``, ``view1``, …
    that each hold these three. Its attributes: ``grid`` (rows, columns of patches),
    ``frame_size`` (height, width of the video) and ``count`` T.

    Frames are decoded ahead and features written behind, in threads. For a GPU as many threads
    decode as torch has on the CPU; a CPU is busy with the backbone, so that one is enough. Where
    memory runs out, fewer frames go through the backbone at a time, of later videos too.

    What made them says in what precision, and on what class of device (``cpu``, ``cuda``).

    Args:
        video: the frames.
        settings: see :class:`betrayed.config.features.FeatureSettings`.
        backbone: made with the name, facet, layer and precision of the settings.
        weights_sha256: of the file of its weights; None: random ones (tests).
        output: the features artefact to write.
        batch_size: frames at a time at most; None: :func:`default_batch_size`.
        ahead: bytes of first frames, at most, that are decoded before what is returned is called.

    Returns:
        What computes them: to be called in the thread that computes other videos, while any thread
        may decode the frames of the next one. It returns what waits until all is written, and puts
        the file in its place: to be called once, in any thread. Another video may be computed
        meanwhile.

    Raises:
        UserError: the size is no multiple of the patch, a frame cannot be read, memory does not do
            for one frame, or the backbone gives values that float16 cannot hold; of these the
            functions that are returned may tell.
    """
    some = range(min(video.count, ahead // (video.height * video.width * 3)))
    with read_ahead(partial(_decoded, video, backbone.device), some, _readers(backbone)) as images:
        first = list(images)
    given = video, settings, backbone, weights_sha256, output, batch_size
    return partial(_computed, *given, first)


def _computed(
    video: Video,
    settings: FeatureSettings,
    backbone: Backbone,
    weights_sha256: str | None,
    output: str | Path,
    batch_size: int | None,
    first: list[Tensor],
) -> Callable[[], None]:
    """The features of a video whose ``first`` frames are decoded already."""
    device = backbone.device
    grid = backbone.grid(settings.height, settings.width)
    # Where a view's tokens go, and its draw; the plain frames have none.
    views = {f"view{i}": draw_view(settings.seed, video.name, i) for i in range(settings.views)}
    made_by = {
        **settings.made_by(),
        "precision": backbone.precision,
        "device": device.type,
        "video": video.name,
        "weights_sha256": weights_sha256,
        "mean": list(backbone.mean),
        "std": list(backbone.std),
    }
    size = default_batch_size(device) if batch_size is None else batch_size
    size = min(size, backbone.most_frames or size)
    fitting = Batches(size, f"features of {video.name}", _REMEDY)
    runs = batches(video.count, size)
    # Frame by frame: the first batch is there as soon as all readers can have it.
    rest = range(len(first), video.count)
    read = partial(_decoded, video, device)
    with read_ahead(read, rest, _readers(backbone)) as later, ExitStack() as ending:
        images = chain(first, later)
        file = ending.enter_context(create(output, "features", made_by))
        file.attrs["grid"] = grid
        file.attrs["frame_size"] = (video.height, video.width)
        file.attrs["count"] = video.count
        for group in views or ["/"]:
            _make_datasets(file.require_group(group), video.count, grid[0] * grid[1], backbone)

        patch_tokens = file[next(iter(views), "/")][DATASETS[0]]
        whole_chunks = makes_chunks(device, patch_tokens)

        def write(frames: range, group: str, fetch: Callable[[], list[np.ndarray]]) -> None:
            finite, *tokens = fetch()
            if not finite:
                raise UserError(_not_finite(video.name, frames, settings, backbone.precision))
            for name, values in zip(DATASETS, tokens, strict=True):
                if whole_chunks and name == DATASETS[0]:
                    write_rows(file[group][name], frames.start, values)
                else:
                    file[group][name][frames.start : frames.stop] = values
            written(sum(values.nbytes for values in tokens))

        written = ending.enter_context(synced_meanwhile(file.filename))
        put = ending.enter_context(write_behind(write))
        shown = progress(runs, f"features of {video.name}", "batch")

        def compute(first: int, pixels: list[Tensor], frames: range) -> None:
            """Of a batch of pixels that begins with frame ``first`` those of some frames."""
            some = pixels[frames.start - first : frames.stop - first]
            some = torch.stack([one.to(device, non_blocking=True) for one in some])
            plain = resize_frames(some, settings.height, settings.width)  # (B, 3, H, W)
            for group, view in (views or {"/": None}).items():
                seen = plain if view is None else augment(plain, view)
                tokens = [one.half() for one in backbone.extract(backbone.normalise(seen))]
                finite = torch.stack([all_finite(one) for one in tokens]).all()
                if whole_chunks:
                    tokens[0] = with_checksums(tokens[0])
                put(frames, group, to_host([finite, *tokens]))

        for run in shown:
            pixels = list(islice(images, len(run)))
            fitting.over(run, partial(compute, run.start, pixels))
        if fitting.size < size:
            backbone.most_frames = fitting.size
        return ending.pop_all().close


def _decoded(video: Video, device: torch.device, frame: int) -> Tensor:
    return pinned(video.frame(frame), device)  # (H, W, 3) uint8


def _readers(backbone: Backbone) -> int:
    """Threads that decode frames."""
    return torch.get_num_threads() if backbone.device.type == "cuda" else 1


def default_batch_size(device: torch.device) -> int:
    """Frames at a time: enough to keep a GPU busy; a CPU gains nothing from more than a few."""
    return 16 if device.type == "cuda" else 4


def _make_datasets(group: h5py.Group, count: int, tokens: int, backbone: Backbone) -> None:
    patch_width, class_width = backbone.dim, backbone.model.embed_dim
    group.create_dataset(
        "patch_tokens", (count, tokens, patch_width), np.float16, chunks=(1, tokens, patch_width)
    )
    group.create_dataset("class_tokens", (count, class_width), np.float16)
    group.create_dataset("class_attention", (count, tokens), np.float16)


def _not_finite(video: str, frames: range, settings: FeatureSettings, precision: str) -> str:
    remedy = (
        "float16 may be too narrow for this backbone: set features.precision to bfloat16 or float32"
        if precision == "float16"
        else "the weights may be damaged: fetch them again, or choose another facet or layer"
    )
    return (
        f"{settings.backbone} gives values that are no finite float16 for frames {frames.start} "
        f"to {frames.stop - 1} of {video} ({settings.facet} of layer {settings.layer}); {remedy}."
    )
