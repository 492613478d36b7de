"""How sure objects are by points that had no part in finding them."""

import numpy as np

from betrayed.objects.division import Compared, Division
from betrayed.objects.instances import confidence
from betrayed.objects.observations import Seen


def confidence_by_points(division: Division, compared: Compared | None) -> np.ndarray:
    """How sure the objects of a division are by what points say of one another.

    A point is of the object that has most of its place, in most of its frames.

    Args:
        division: the objects.
        compared: the points; None where there were none.

    Returns:
        (O,) see :class:`betrayed.objects.instances.Instances`; NaN for an object without a point.
    """
    sure = np.full(division.object_of.max() + 1, np.nan)
    if compared is None:
        return sure
    on = _frames_on(division, compared.seen)
    known = on.any(axis=1)
    present, objects = np.unique(on[known].argmax(axis=1), return_inverse=True)
    if known.any():
        odds = compared.odds[np.ix_(known, known)]
        sure[present] = confidence(objects, odds, compared.seen.weights[known])
    return sure


def _frames_on(division: Division, seen: Seen) -> np.ndarray:
    """In how many frames each point lies on each object, (n, O)."""
    count = division.object_of.max() + 1
    on = np.zeros((len(seen.weights), count), int)
    for frame in range(seen.pieces.shape[1]):
        here = np.flatnonzero(seen.pieces[:, frame] >= 0)
        shares = division.painter.shares(frame)
        scale = np.array(shares.shape[1:]) / seen.size
        places = np.floor((seen.places[here, frame] + 0.5) * scale).astype(int)
        rows, columns = np.clip(places, 0, np.array(shares.shape[1:]) - 1).T
        own = shares[:, rows, columns]
        together = np.stack([own[division.object_of == one].sum(axis=0) for one in range(count)])
        covered = together.max(axis=0) > 0
        on[here[covered], together.argmax(axis=0)[covered]] += 1
    return on
