"""When the frames of a film are shown, from their timestamps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: How far a frame may be off its place in an even row, in steps, and the row still be called even;
#: or in ticks, which timestamps are whole numbers of: a thousandth of a second in Matroska. But the
#: ticks of an AVI are as long as a frame.
_UNEVEN, _TICKS, _MOST = 0.02, 2, 0.3


@dataclass(frozen=True)
class Timing:
    """When frames are shown.

    Attributes:
        fps: frames a second, over the whole film where they vary; None: nothing is known.
        times: (T,) seconds from the first frame on, rising; None where frames come evenly.
        seconds: how long the film is, the last frame's own time included; None: not known.
    """

    fps: float | None
    times: tuple[float, ...] | None
    seconds: float | None


def timing(
    stamps: Sequence[float | None], rate: float | None, tick: float = 0.0, last: float | None = None
) -> Timing:
    """What the timestamps of a film's frames say; the rate of its head, where they say nothing.

    Args:
        stamps: seconds, one for each frame in the order in which they are shown; None: unknown.
        rate: frames a second that the head declares, if it does.
        tick: seconds between two timestamps that the container can tell apart.
        last: seconds that the last frame is shown, where that is known.
    """
    count = len(stamps)
    if count < 2 or any(stamp is None for stamp in stamps):
        return _even(count, rate)
    times = np.asarray(stamps, float)
    times = times - times[0]
    steps = np.diff(times)
    if (steps <= 0).any():  # stamps that stand still or run back say nothing
        return _even(count, rate)
    step = times[-1] / (count - 1)
    off = np.abs(times - step * np.arange(count)).max()
    if off <= max(_UNEVEN * step, min(_TICKS * tick, _MOST * step)):
        # The head's rate is the exact one, where it is the same.
        fps = rate if rate and abs(rate * step - 1) < 0.01 else 1 / step
        return Timing(float(fps), None, float(count / fps))
    seconds = times[-1] + (last or float(np.median(steps)))
    return Timing(float(count / seconds), tuple(times.round(6).tolist()), float(seconds))


def _even(count: int, rate: float | None) -> Timing:
    return Timing(rate, None, count / rate if rate else None)
