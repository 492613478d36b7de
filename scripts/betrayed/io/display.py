"""How pictures are shown one after another: their times, and the shape of their pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

#: Pictures a second of videos that have no rate of their own, such as folders of images.
USUAL_FPS = 24
#: Ticks a second that times are rounded to where pictures do not come evenly, as MPEG has them.
_TICKS = 90_000


@dataclass(frozen=True)
class Display:
    """How pictures are shown one after another.

    Attributes:
        fps: pictures a second; None: :data:`USUAL_FPS`.
        times: when each is shown, in seconds, rising from 0; None: evenly, by ``fps``.
        seconds: how long the video is, the last picture's own time included; goes with ``times``.
        pixel_aspect: width of a pixel by its height, for players.
    """

    fps: float | None = None
    times: Sequence[float] | None = None
    seconds: float | None = None
    pixel_aspect: Fraction = Fraction(1)

    @classmethod
    def of(cls, video: Any) -> "Display":
        """That of a :class:`betrayed.video.video.Video`, for films that are made of its frames."""
        return cls(video.fps, video.times, video.seconds, video.pixel_aspect)

    @property
    def rate(self) -> Fraction:
        """Pictures a second, as a fraction that containers can state."""
        fps = self.fps or USUAL_FPS
        return Fraction(fps).limit_denominator(1001) or Fraction(fps)

    @property
    def tick(self) -> Fraction:
        """Seconds of the unit that pictures are timed in."""
        return Fraction(1, _TICKS) if self.times else 1 / self.rate

    def lengths(self) -> dict[int, int]:
        """When each picture is shown and for how long, in ticks; each for one at least.

        Empty where pictures come evenly: a tick each.
        """
        if not self.times:
            return {}
        starts: list[int] = []
        for time in self.times:
            starts.append(max(round(time * _TICKS), starts[-1] + 1 if starts else 0))
        end = max(round((self.seconds or 0) * _TICKS), starts[-1] + 1)
        return {one: later - one for one, later in pairwise([*starts, end])}
