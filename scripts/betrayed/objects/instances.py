"""The objects that a foreground is made of, and their parts: told apart by motion, looks, place."""

from dataclasses import dataclass

import numpy as np

from betrayed.objects.linkage import average_linkage, groups_at
from betrayed.objects.observations import Seen

#: Groups with less than this share of what all points saw are joined with the likest one.
_SMALLEST = 0.02
#: Parts of one object at most, and of all together: a mask has numbers for so many.
_MOST_PARTS, _MOST_OF_ALL = 8, 254
#: Joins that are undone at most to reach ``least``: those near the top of the tree tear off specks.
_MOST_UNDONE = 100


@dataclass(frozen=True)
class InstanceSettings:
    """How objects are told apart.

    Attributes:
        split: groups of points stay apart below this mean log odds of being one object; lower
            keeps more together.
        part_split: the same for parts, which objects are made of; at least ``split``.
        least: objects at least, where there are so many points; two points are always one object.
        most: objects at most.
    """

    split: float
    part_split: float
    least: int
    most: int


@dataclass(frozen=True)
class Instances:
    """The objects of a video, as groups of its points.

    Attributes:
        objects: (n,) of each point, 0 … O−1, the one that has seen most first.
        parts: (n,) of each point, 0 … P−1, in the order of the objects that they are of.
        object_of: (P,) the object that each part is of.
        natural: how many objects there were before ``least`` and ``most`` were heeded.
        confidence: (O,) 0 … 1, how likely it is that two of an object's points lie on one object,
            times how unlikely that one of them and one of the object that is most like it do.
    """

    objects: np.ndarray
    parts: np.ndarray
    object_of: np.ndarray
    confidence: np.ndarray
    natural: int = 1


def tell_apart(seen: Seen, odds: np.ndarray, settings: InstanceSettings) -> Instances:
    """Group the points of a foreground into objects, and these into parts.

    Points are joined by average linkage of the log odds that two of them lie on one object. Where
    the joined groups become less alike than ``settings.split``, objects are apart.

    Args:
        seen: the points, see :mod:`betrayed.objects.observations`.
        odds: (n, n) log odds that two points lie on one object, see
            :func:`betrayed.objects.same_object.pair_log_odds`.
        settings: see :class:`InstanceSettings`.
    """
    if len(seen.weights) < 3:
        one = np.zeros(len(seen.weights), int)
        return Instances(one, one, np.zeros(1, int), np.full(1, 0.5))
    weights = seen.weights
    tree = average_linkage(odds, weights)
    joined = int((tree[:, 2] >= settings.split).sum())
    natural = int(_tidy(_after(tree, joined), odds, weights, len(weights)).max()) + 1
    objects = _tidy(_after(tree, joined), odds, weights, settings.most)
    for fewer in range(joined - 1, max(-1, joined - _MOST_UNDONE - 1), -1):
        if objects.max() + 1 >= settings.least:
            break
        objects = _tidy(_after(tree, fewer), odds, weights, settings.most)
    while objects.max() + 1 < min(settings.least, len(weights)):
        objects = _halved(objects, odds, weights)
    pieces = groups_at(tree, max(settings.part_split, settings.split))
    parts, object_of = _parts(objects, pieces, odds, weights)
    return Instances(objects, parts, object_of, confidence(objects, odds, weights), natural)


def _after(tree: np.ndarray, joins: int) -> np.ndarray:
    """The groups after the first so many joins."""
    return groups_at(tree, tree[joins - 1, 2] if joins else np.inf)


def _tidy(groups: np.ndarray, odds: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """Groups renumbered by weight, specks and those beyond ``most`` joined with the likest."""
    groups = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(groups, weights)
    least, likeness = _SMALLEST * sizes.sum(), _likeness(groups, odds, weights)
    np.fill_diagonal(likeness, -np.inf)
    name = np.arange(len(sizes))
    for left in range(len(sizes), 1, -1):
        smallest = int(np.where(name == np.arange(len(name)), sizes, np.inf).argmin())
        if sizes[smallest] >= least and left <= most:
            break
        into = int(likeness[smallest].argmax())
        share = sizes[smallest] / (sizes[smallest] + sizes[into])
        joined = share * likeness[smallest] + (1 - share) * likeness[into]
        likeness[into], likeness[:, into] = joined, joined
        likeness[smallest], likeness[:, smallest] = -np.inf, -np.inf
        sizes[into] += sizes[smallest]
        name[name == smallest] = into
    groups = np.unique(name[groups], return_inverse=True)[1]
    return np.argsort(np.argsort(-np.bincount(groups, weights), kind="stable"))[groups]


def _halved(groups: np.ndarray, odds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Groups with the heaviest that can be cut in two halves, and renumbered by weight.

    What the tree tears off are specks where nothing is apart. So points are ordered by how much
    likelier they are of one object with one end of the group than with the other, and cut in the
    middle.
    """
    own = next(one for one in map(np.flatnonzero, _by_number(groups)) if len(one) > 1)
    inside, weight = odds[np.ix_(own, own)], weights[own]
    one = int((inside @ weight).argmin())
    other = int(np.where(np.arange(len(own)) == one, np.inf, inside[one]).argmin())
    order = np.argsort(inside[other] - inside[one], kind="stable")
    first = np.cumsum(weight[order]) <= weight.sum() / 2
    first[0], first[-1] = True, False
    groups = groups.copy()
    groups[own[order[~first]]] = groups.max() + 1
    return np.argsort(np.argsort(-np.bincount(groups, weights), kind="stable"))[groups]


def _by_number(groups: np.ndarray) -> np.ndarray:
    """Which points are of each group, (groups, n) bool."""
    return groups == np.arange(groups.max() + 1)[:, None]


def _likeness(groups: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of values (n, n) over the pairs of two groups, by the products of their weights."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    sums = values[np.ix_(order, order)] * (weights[order, None] * weights[order])
    sums = np.add.reduceat(np.add.reduceat(sums, starts, axis=0), starts, axis=1)
    sizes = np.bincount(groups, weights)
    return sums / (sizes[:, None] * sizes)


def _parts(
    objects: np.ndarray, pieces: np.ndarray, odds: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pieces within each object, numbered from one object to the next, and whose they are.

    Where all objects together had more parts than a mask has numbers, each may have fewer.
    """
    for most in range(_MOST_PARTS, 0, -1):
        parts, object_of = np.zeros_like(objects), []
        for number in range(objects.max() + 1):
            own = np.flatnonzero(objects == number)
            found = _tidy(pieces[own], odds[np.ix_(own, own)], weights[own], most)
            parts[own] = len(object_of) + found
            object_of += [number] * (found.max() + 1)
        if len(object_of) <= _MOST_OF_ALL:
            break
    return parts, np.array(object_of)


def confidence(objects: np.ndarray, odds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How sure each object is, (O,) 0 … 1, see :class:`Instances`.

    Args:
        objects: (n,) of each point, 0 … O−1, none of them without a point.
        odds: (n, n) log odds that two points lie on one object.
        weights: (n,) how much each point has seen.
    """
    likeness = _likeness(objects, 1 / (1 + np.exp(-odds.astype(np.float64))), weights)
    within = np.diag(likeness).copy()
    np.fill_diagonal(likeness, 0)
    return within * (1 - likeness.max(axis=1))
