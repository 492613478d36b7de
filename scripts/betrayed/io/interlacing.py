"""Interlaced pictures: lines of two moments in one frame, made lines of one moment."""

import numpy as np

#: By how many levels a line must leave both of its neighbours, beyond what these differ by, to be
#: taken for a line of another moment. Noise and fine patterns stay below.
_COMBED = 12


def of_one_moment(picture: np.ndarray) -> np.ndarray:
    """A picture without the combs that motion leaves in interlaced ones.

    Every second line is of another moment. Where such a line is brighter than both of its
    neighbours, or darker than both, the mean of these takes its place; what rests keeps all lines.
    Nothing but the picture itself is looked at, so that frames can be read in any order.

    Args:
        picture: (H, W, 3) uint8.

    Returns:
        another of the same shape; its lines 0, 2, 4, … are those of ``picture``.
    """
    lines = picture[1::2].astype(np.int16)
    above = picture[0::2][: len(lines)].astype(np.int16)
    below = above.copy()  # a last line has none below it
    below[: len(picture[2::2])] = picture[2::2]
    up, down = lines - above, lines - below
    apart = np.minimum(np.abs(up), np.abs(down)) > np.abs(above - below) + _COMBED
    combed = (apart & (up * down.astype(np.int32) > 0)).any(axis=2)
    # The faint ends of a comb, too: three pixels to both sides.
    near = combed.copy()
    for by in (1, 2, 3):
        near[:, by:] |= combed[:, :-by]
        near[:, :-by] |= combed[:, by:]
    result = picture.copy()
    result[1::2] = np.where(near[..., None], (above + below + 1) // 2, lines)
    return result
