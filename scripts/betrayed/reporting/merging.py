"""A drawing of how the tracks of a video merge, from parts to objects to the whole scene."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import FuncFormatter
from scipy.cluster.hierarchy import dendrogram

from betrayed.clustering.tracks import Tracks
from betrayed.io.palette import VOID
from betrayed.io.style import GREY, PALETTE, drawing

MOST_LEAVES = 20
THUMBNAIL = 64  # pixels, square
OUTSIDE = 160  # how light what is not of the group is at least
#: Distances below this are drawn evenly, above it by their logarithm, in nats.
EVEN_BELOW = 0.1
#: Of its tokens this many have to be of an object for a group to be drawn in its colour.
MAJORITY = 0.5


@dataclass(frozen=True)
class Leaf:
    """A group of tracks at the bottom of the tree.

    Attributes:
        tracks: their numbers.
        tokens: how many tokens they have in all frames.
        object: the object that most of these are of, 0 for none.
        frame: where it has most tokens.
        inside: (h, w) bool, its tokens there.
    """

    tracks: tuple[int, ...]
    tokens: int
    object: int
    frame: int
    inside: np.ndarray


def leaves_of(tracks: Tracks, ids: np.ndarray, most: int = MOST_LEAVES) -> dict[int, Leaf]:
    """The groups that are left when a tree is cut so that it has at most ``most`` of them.

    Args:
        tracks: with their tree.
        ids: (T, h, w), the object at each token, 0 for none.
        most: how many groups, at least 2.

    Returns:
        Groups by their number in the tree.
    """
    count = len(tracks.merges) + 1
    members = {track: (track,) for track in range(count)}
    for place, (one, other, *_) in enumerate(tracks.merges[: max(0, count - most)]):
        members[count + place] = members.pop(int(one)) + members.pop(int(other))
    return {node: _leaf(own, tracks.labels, ids) for node, own in sorted(members.items())}


@contextmanager
def merging_drawn(
    tracks: Tracks,
    ids: np.ndarray,
    frame: Callable[[int], np.ndarray],
    colours: Mapping[int, int] | None = None,
) -> Iterator[Figure]:
    """The tree with a picture of each group below, as a figure within the block.

    Args:
        tracks: with their tree.
        ids: (T, h, w), the object at each token, 0 for none.
        frame: gives a frame, (H, W, 3) uint8.
        colours: for objects that have the colour of another id, that id.
    """
    leaves = leaves_of(tracks, ids)
    with drawing(1.2 + 0.68 * len(leaves), 3.8) as figure:
        _draw(figure, tracks, leaves, frame, colours or {})
        yield figure


def _draw(
    figure: Figure,
    tracks: Tracks,
    leaves: Mapping[int, Leaf],
    frame: Callable[[int], np.ndarray],
    colours: Mapping[int, int],
) -> None:
    axes = figure.subplots()
    axes.set_ylabel("distance (nats)")
    axes.spines["bottom"].set_visible(False)
    if len(leaves) < 2:
        axes.set(xticks=[], ylim=(0, 1))
        _picture(axes, next(iter(leaves.values())), 5, frame, colours)
        axes.set_xlim(0, 10)
        return
    tree = dendrogram(tracks.merges, p=len(leaves), truncate_mode="lastp", no_plot=True)
    for xs, ys in zip(tree["icoord"], tree["dcoord"], strict=True):
        axes.plot(xs, ys, color=GREY, linewidth=1.2)
    axes.set_yscale("symlog", linthresh=EVEN_BELOW, linscale=0.5)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, 10 * len(leaves))
    axes.set_xticks([])
    for place, node in enumerate(tree["leaves"]):
        _picture(axes, leaves[node], 10 * place + 5, frame, colours)


def _leaf(own: tuple[int, ...], labels: np.ndarray, ids: np.ndarray) -> Leaf:
    inside = np.isin(labels, own)
    found = np.bincount(ids[inside].ravel(), minlength=2)
    found[0] = 0
    found[VOID:] = 0
    best = int(found.argmax())
    frame = int(inside.sum(axis=(1, 2)).argmax())
    is_object = found[best] > MAJORITY * inside.sum()
    return Leaf(own, int(inside.sum()), best if is_object else 0, frame, inside[frame])


def _picture(
    axes,
    leaf: Leaf,
    x: float,
    frame: Callable[[int], np.ndarray],
    colours: Mapping[int, int],
) -> None:
    """The group's picture below the axis, framed in its object's colour, with its name."""
    own = colours.get(leaf.object, leaf.object)
    colour = PALETTE[(own - 1) % len(PALETTE)] if leaf.object else GREY
    box = AnnotationBbox(
        OffsetImage(thumbnail(frame(leaf.frame), leaf.inside), zoom=0.62),
        (x, 0),
        xybox=(0, -30),
        xycoords=axes.get_xaxis_transform(),
        boxcoords="offset points",
        pad=0.15,
        bboxprops={"edgecolor": colour, "linewidth": 2.5, "facecolor": "none"},
    )
    axes.add_artist(box)
    name = str(leaf.tracks[0]) if len(leaf.tracks) == 1 else f"{len(leaf.tracks)} tracks"
    if leaf.object:
        name += f"\nobject {leaf.object}"
    axes.annotate(
        name,
        (x, 0),
        xytext=(0, -56),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=6.5,
        annotation_clip=False,
    )


def thumbnail(picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A square of a frame around some tokens, all else in it faded.

    Args:
        picture: (H, W, 3) uint8.
        inside: (h, w) bool, on the grid of tokens; at least one is set.
    """
    height, width = picture.shape[:2]
    mask = cv2.resize(inside.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    ys, xs = np.nonzero(mask)
    middle = (ys.min() + ys.max()) / 2, (xs.min() + xs.max()) / 2
    side = min(max(np.ptp(ys), np.ptp(xs)) + 1, height, width)
    top, left = (
        int(np.clip(round(centre - side / 2), 0, whole - side))
        for centre, whole in zip(middle, (height, width), strict=True)
    )
    part = slice(top, top + side), slice(left, left + side)
    shown = np.where(mask[part][..., None] > 0, picture[part], OUTSIDE + picture[part] // 4)
    return cv2.resize(shown, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
