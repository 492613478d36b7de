"""A drawing of how the tracks of a video merge, from parts to objects to the whole scene."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter
from scipy.cluster.hierarchy import dendrogram

from betrayed.clustering.tracks import Tracks
from betrayed.io.palette import VOID
from betrayed.io.style import GREY, PALETTE, drawing

MOST_LEAVES = 20
THUMBNAIL = 96  # pixels, square
#: Of a thumbnail in the drawing, in inches, and how far the next one stands.
_SIDE, _STEP = 0.62, 0.76
#: What is not of the group is grey, and at least so light.
OUTSIDE = 170
#: Distances below this are drawn evenly, above it by their logarithm, in nats.
EVEN_BELOW = 0.1
#: Of its tokens this many have to be of an object for a group to be drawn in its colour.
MAJORITY = 0.5
#: A group with more of all tokens than this is the whole scene, and has no picture.
_SCENE = 0.9
_NOTHING = "#e3e3e3"  # the share of a group that lies in no object


@dataclass(frozen=True)
class Leaf:
    """A group of tracks, at the bottom of the tree or where several have joined.

    Attributes:
        tracks: their numbers.
        tokens: how many tokens they have in all frames.
        object: the object that most of these are of, 0 for none.
        frame: where it has most tokens.
        inside: (h, w) bool, its tokens there.
        shares: of its tokens those in each object, from 0 to 1, by the object's id.
    """

    tracks: tuple[int, ...]
    tokens: int
    object: int
    frame: int
    inside: np.ndarray
    shares: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Join:
    """Two groups that become one.

    Attributes:
        node: the number of the new group in the tree.
        children: those of the two.
        distance: at which they join, in nats.
        group: the new one.
    """

    node: int
    children: tuple[int, int]
    distance: float
    group: Leaf


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


def joins_of(tracks: Tracks, leaves: Mapping[int, Leaf], ids: np.ndarray) -> list[Join]:
    """What becomes of the leaves, in the order in which they join.

    Args:
        tracks: with their tree.
        leaves: as :func:`leaves_of` gives them.
        ids: (T, h, w), the object at each token, 0 for none.
    """
    count = len(tracks.merges) + 1
    members = {node: leaf.tracks for node, leaf in leaves.items()}
    joins = []
    for place in range(count - len(leaves), count - 1):
        one, other = (int(node) for node in tracks.merges[place, :2])
        own = members.pop(one) + members.pop(other)
        members[count + place] = own
        distance = float(tracks.merges[place, 2])
        group = _leaf(own, tracks.labels, ids)
        joins.append(Join(count + place, (one, other), distance, group))
    return joins


@contextmanager
def merging_drawn(
    tracks: Tracks,
    ids: np.ndarray,
    frame: Callable[[int], np.ndarray],
    colours: Mapping[int, int] | None = None,
) -> Iterator[Figure]:
    """The tree with a picture of each group below, and of those that join, as a figure.

    Below each picture a bar has the shares of the group that lie in each object. A line has the
    colour of the object that most of the group below it lies in.

    Args:
        tracks: with their tree.
        ids: (T, h, w), the object at each token, 0 for none.
        frame: gives a frame, (H, W, 3) uint8.
        colours: for objects that have the colour of another id, that id.
    """
    leaves = leaves_of(tracks, ids)
    joins = joins_of(tracks, leaves, ids)
    with drawing(max(4.5, 1.2 + _STEP * len(leaves)), 5.0) as figure:
        _Tree(figure, leaves, joins, frame, colours or {}).draw(tracks)
        yield figure


class _Tree:
    """Draws a tree; places across are those of its leaves, ten apart as SciPy has them."""

    def __init__(
        self,
        figure: Figure,
        leaves: Mapping[int, Leaf],
        joins: list[Join],
        frame: Callable[[int], np.ndarray],
        colours: Mapping[int, int],
    ) -> None:
        self.figure, self.axes = figure, figure.subplots()
        self.leaves, self.joins, self.frame, self.colours = leaves, joins, frame, colours

    def draw(self, tracks: Tracks) -> None:
        """Draw all of it."""
        axes = self.axes
        axes.set_ylabel("distance (nats)")
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        axes.set_xlim(0, 10 * len(self.leaves))
        order = list(self.leaves)
        if self.joins:
            order = dendrogram(tracks.merges, p=len(order), truncate_mode="lastp", no_plot=True)[
                "leaves"
            ]
            axes.set_yscale("symlog", linthresh=EVEN_BELOW, linscale=0.5)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            # Room for the picture of what joins last.
            axes.set_ylim(0, 2 * max(EVEN_BELOW, self.joins[-1].distance))
        else:
            axes.set_ylim(0, 1)
        across = {node: 10.0 * place + 5 for place, node in enumerate(order)}
        for node in order:
            self._leaf(axes, self.leaves[node], across[node])
        corners = self._lines(across)
        self._legend()
        self._groups(corners)

    def _lines(self, across: dict[int, float]) -> list[tuple[float, float]]:
        """The lines; returns where the groups of joins lie, across and up."""
        groups = {**self.leaves, **{join.node: join.group for join in self.joins}}
        up = dict.fromkeys(self.leaves, 0.0)
        corners = []
        for join in self.joins:
            ends = [across[child] for child in join.children]
            for child, x in zip(join.children, ends, strict=True):
                colour = self._colour(groups[child])
                self.axes.plot([x, x], [up[child], join.distance], color=colour, linewidth=1.8)
            colour = self._colour(join.group)
            self.axes.plot(ends, 2 * [join.distance], color=colour, linewidth=1.8)
            across[join.node], up[join.node] = sum(ends) / 2, join.distance
            corners.append((across[join.node], join.distance))
        return corners

    def _groups(self, corners: list[tuple[float, float]]) -> None:
        """Pictures of groups that have joined, as far as there is room, the last ones first."""
        # Where things lie is known once the figure is laid out.
        self.figure.draw_without_rendering()
        side = self.figure.dpi * (_SIDE + 0.14)
        bottom = self.axes.transAxes.transform((0, 0))[1]
        total = sum(leaf.tokens for leaf in self.leaves.values())
        taken: list[np.ndarray] = []
        for join, corner in zip(self.joins[::-1], corners[::-1], strict=True):
            if join.group.tokens > _SCENE * total:
                continue
            place = self.axes.transData.transform(corner)
            free = all((abs(place - other) > side).any() for other in taken)
            if free and place[1] - side / 2 > bottom:
                taken.append(place)
                self._box(join.group, corner, "data", (0, 0))

    def _leaf(self, axes: Axes, leaf: Leaf, x: float) -> None:
        """The picture of a leaf below the axis, with its shares and its name."""
        where = axes.get_xaxis_transform()
        self._box(leaf, (x, 0), where, (0, -30))
        name = str(leaf.tracks[0]) if len(leaf.tracks) == 1 else f"{len(leaf.tracks)} tracks"
        if leaf.object:
            name += f"\nobject {leaf.object}"
        axes.annotate(
            name,
            (x, 0),
            xytext=(0, -62),
            xycoords=where,
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=7.5,
            annotation_clip=False,
        )

    def _box(self, group: Leaf, place: tuple[float, float], where, offset) -> None:
        colour = self._colour(group)
        picture = thumbnail(self.frame(group.frame), group.inside)
        stack = np.concatenate([picture, self._shares(group)])
        box = AnnotationBbox(
            OffsetImage(stack, zoom=72 * _SIDE / THUMBNAIL, interpolation="nearest"),
            place,
            xybox=offset,
            xycoords=where,
            boxcoords="offset points",
            pad=0.1,
            bboxprops={"edgecolor": colour, "linewidth": 2, "facecolor": "white"},
        )
        box.set_zorder(5)
        self.axes.add_artist(box)

    def _shares(self, group: Leaf) -> np.ndarray:
        """A bar (10, THUMBNAIL, 3) uint8: how much of a group lies in each object, and in none."""
        bar = np.full((10, THUMBNAIL, 3), _rgb(_NOTHING), np.uint8)
        bar[:2] = 255
        left = 0.0
        for one, share in group.shares.items():
            right = left + share
            columns = slice(round(left * THUMBNAIL), round(right * THUMBNAIL))
            bar[2:, columns] = _rgb(self._colour_of(one))
            left = right
        return bar

    def _legend(self) -> None:
        found = sorted({one for leaf in self.leaves.values() for one in leaf.shares})
        patches = [Patch(color=self._colour_of(one), label=f"object {one}") for one in found]
        patches.append(Patch(color=_NOTHING, label="no object"))
        self.figure.legend(handles=patches, loc="outside upper left", ncols=8)

    def _colour(self, group: Leaf) -> str:
        return self._colour_of(group.object) if group.object else GREY

    def _colour_of(self, one: int) -> str:
        return PALETTE[(self.colours.get(one, one) - 1) % len(PALETTE)]


def _rgb(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _leaf(own: tuple[int, ...], labels: np.ndarray, ids: np.ndarray) -> Leaf:
    inside = np.isin(labels, own)
    found = np.bincount(ids[inside].ravel(), minlength=2)
    found[0] = 0
    found[VOID:] = 0
    best, tokens = int(found.argmax()), int(inside.sum())
    frame = int(inside.sum(axis=(1, 2)).argmax())
    shares = {int(one): found[one] / tokens for one in np.flatnonzero(found)}
    main = best if found[best] > MAJORITY * tokens else 0
    return Leaf(own, tokens, main, frame, inside[frame], shares)


def thumbnail(picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A square of a frame around some tokens, all else in it grey and light.

    Args:
        picture: (H, W, 3) uint8.
        inside: (h, w) bool, on the grid of tokens; at least one is set.
    """
    # Of a frame with fewer pixels than tokens some tokens would have none.
    height, width = np.maximum(picture.shape[:2], inside.shape).tolist()
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
    mask = cv2.resize(inside.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    ys, xs = np.nonzero(mask)
    middle = (ys.min() + ys.max() + 1) / 2, (xs.min() + xs.max() + 1) / 2
    side = min(max(np.ptp(ys), np.ptp(xs)) + 1, height, width)
    top, left = (
        int(np.clip(round(centre - side / 2), 0, whole - side))
        for centre, whole in zip(middle, (height, width), strict=True)
    )
    part = slice(top, top + side), slice(left, left + side)
    grey = cv2.cvtColor(np.ascontiguousarray(picture[part]), cv2.COLOR_RGB2GRAY)[..., None]
    light = (OUTSIDE + grey * ((255 - OUTSIDE) / 255)).round().astype(np.uint8)
    shown = np.where(mask[part][..., None] > 0, picture[part], light)
    return cv2.resize(shown, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
