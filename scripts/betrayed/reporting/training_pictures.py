"""Pictures of how a training went: its losses and entropy, and the clusters of a fixed clip."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from betrayed.io.style import GREY, LINES, colour_table, drawing
from betrayed.reporting.training_clusters import TrainingClusters, aligned

#: Colours there are for clusters; the next one has the first colour again.
_COLOURS = 254
#: How much a cluster's colour covers a frame.
_STRENGTH = 0.6
#: Of a frame in the strip: inches, and pixels of its longer side.
_WIDTH, _PIXELS = 1.7, 176
_TALLEST = 3  # times as high as wide; frames that are narrower leave room beside them


@contextmanager
def curves_drawn(log: pd.DataFrame, uniform: float | None = None) -> Iterator[Figure]:
    """The losses and the entropy of a training over its steps.

    Args:
        log: the training's log, a row a step; ``semantic``, ``motion`` and ``entropy`` are drawn
            where it has them.
        uniform: the entropy of uniform rows, in nats; None: it is not drawn.
    """
    with drawing(7.5, 2.6) as figure:
        losses, entropy = figure.subplots(1, 2)
        for name, style in (("semantic", "-"), ("motion", "--")):
            if name in log:
                _smoothed(losses, log["step"], log[name], name, style)
        losses.set(xlabel="step", ylabel="loss")
        losses.set_ylim(bottom=0)
        losses.legend()
        if "entropy" in log:
            _smoothed(entropy, log["step"], log["entropy"], "rows of queries", "-", LINES[2])
        if uniform is not None:
            entropy.axhline(uniform, color=GREY, linestyle=":", label="uniform rows")
            entropy.legend()
        entropy.set(xlabel="step", ylabel="entropy (nats)")
        yield figure


@contextmanager
def clusters_drawn(
    clusters: TrainingClusters, frame: Callable[[int], np.ndarray], aspect: float = 1
) -> Iterator[Figure]:
    """A row of frames for each step, coloured by their clusters; above all the frames themselves.

    Args:
        clusters: of the clip.
        frame: gives a frame of the video, (H, W, 3) uint8.
        aspect: the width of a pixel by its height.
    """
    pictures = [_small(frame(index)) for index in clusters.frames]
    height, width = pictures[0].shape[:2]
    row = _WIDTH * min(_TALLEST, height / (width * aspect)) + 0.08
    colours = colour_table()[1 + aligned(clusters.labels) % _COLOURS]  # (S, F, h, w, 3)
    titles = [
        f"step {step:,}\n{count} {'cluster' if count == 1 else 'clusters'}"
        for step, count in zip(clusters.steps, clusters.counts, strict=True)
    ]
    size = 0.9 + _WIDTH * len(pictures), 0.3 + row * (1 + len(titles))
    with drawing(*size) as figure:
        panels = figure.subplots(1 + len(titles), len(pictures), squeeze=False)
        for panel in panels.flat:
            panel.set(xticks=[], yticks=[])
            panel.set_frame_on(False)
        for place, (index, picture) in enumerate(zip(clusters.frames, pictures, strict=True)):
            panels[0, place].set_title(f"frame {index}")
            panels[0, place].imshow(picture, aspect=1 / aspect)
            for line, own in zip(panels[1:], colours, strict=True):
                over = cv2.resize(own[place], (width, height), interpolation=cv2.INTER_NEAREST)
                mixed = (1 - _STRENGTH) * picture + _STRENGTH * over
                line[place].imshow(mixed.round().astype(np.uint8), aspect=1 / aspect)
        for line, title in zip(panels, ["the frames", *titles], strict=True):
            line[0].set_ylabel(title, rotation="horizontal", ha="right", va="center")
        yield figure


@contextmanager
def nothing_drawn(reason: str) -> Iterator[Figure]:
    """A note in place of a picture."""
    with drawing(6, 0.6) as figure:
        figure.text(0.5, 0.5, reason, ha="center", va="center")
        yield figure


def clip_frames(count: int, frames: int, stride: int) -> Sequence[int]:
    """The frames of the clip: so many, so far apart, about the middle of a video.

    A short video has fewer.

    Args:
        count: frames of the video, at least 1.
        frames: how many are wanted.
        stride: from one to the next.
    """
    frames = min(frames, 1 + (count - 1) // stride)
    first = (count - 1 - (frames - 1) * stride) // 2
    return range(first, first + frames * stride, stride)


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = min(1, _PIXELS / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _smoothed(
    axes: Axes,
    steps: pd.Series,
    values: pd.Series,
    label: str,
    style: str,
    colour: str | None = None,
) -> None:
    window = max(1, len(values) // 20)
    lines = axes.plot(steps, values, color=colour, linewidth=0.6, alpha=0.35)
    smooth = values.rolling(window, center=True, min_periods=1).median()
    axes.plot(steps, smooth, style, color=lines[0].get_color(), label=label)
