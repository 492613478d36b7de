"""Where films are divided: into shots, and these into windows of a bounded number of frames."""

import math
from collections.abc import Sequence


def shots(first: int, last: int, cuts: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last frame of each shot between two frames, both included.

    Args:
        first: frame that the part begins with.
        last: frame that it ends with; nothing where that is before ``first``.
        cuts: the frames at which another shot begins, rising.
    """
    if last < first:
        return []
    begins = [first, *(cut for cut in cuts if first < cut <= last)]
    return list(zip(begins, [*(cut - 1 for cut in begins[1:]), last], strict=True))


def windows(count: int, most: int, overlap: int) -> list[tuple[int, int]]:
    """Windows over ``count`` frames, each with its first and last frame.

    There are as few as can be of at most ``most`` frames that share ``overlap`` with the next one;
    they are of one length (give or take a frame), so that no short one is left at the end.
    """
    if count <= most:
        return [(0, count - 1)]
    number = math.ceil((count - overlap) / (most - overlap))
    length = math.ceil((count + (number - 1) * overlap) / number)
    begins = [round(at * (count - length) / (number - 1)) for at in range(number)]
    return [(begin, begin + length - 1) for begin in begins]
