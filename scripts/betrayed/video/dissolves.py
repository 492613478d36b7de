"""Where one shot of a film becomes the next little by little: by a dissolve, or a fade.

In a dissolve the frame in the middle of a span is the mean of the span's two ends, which show
different things. When something crosses the picture the middle shows what neither end shows; a hard
cut shows one of them; a light that changes shows the same thing at both ends. What a camera does
over smooth ground can look mixed, too, but there optical flow finds the middle in either end, which
it does not where two pictures lie over one another. A fade leads through frames of a single colour,
with something else behind than before.
"""

from collections import deque

import cv2
import numpy as np

#: From the middle of a span to its ends, in frames. Dissolves take half a second to two.
_HALF_SPANS = (8, 16, 32)
_SPAN = 2 * max(_HALF_SPANS)
#: Width and height at which frames are compared, in pixels; what moves a little stays within one.
_SIZE = 32, 18
#: The same for optical flow.
_FLOW_SIZE = 128, 72
#: How unlike the two ends are at least: root mean square, of 255 levels,
_UNLIKE = 20.0
#: and the highest correlation of their pixels; a change of light alone leaves it near 1.
_CORRELATED = 0.75
#: The mean square of the middle less the mean of the ends, by that of the ends' difference: 0 in a
#: dissolve of pictures at rest, 0.25 at a cut, about 0.75 where three different things are shown.
_MIXED = 0.2
#: What optical flow leaves of the difference between the middle and each end, as a share of it: of
#: 24 dissolves between real films 22 left 0.7 or more, pans and zooms 0.07 to 0.6.
_NOT_FOLLOWED = 0.65
#: Standard deviation of a frame, of 255 levels: below the first it shows a single colour, from the
#: second on a picture.
_PLAIN, _PICTURE = 6.0, 12.0


class DissolveFinder:
    """Is shown a film frame by frame, and remembers the last two seconds of it in little."""

    def __init__(self) -> None:
        self._frames: deque[np.ndarray] = deque(maxlen=_SPAN + 1)
        self._greys: deque[np.ndarray] = deque(maxlen=_SPAN + 1)
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._count = 0
        self._mixed: list[tuple[int, float]] = []  # frames that are mixed, the purest of each group
        self._fades: list[int] = []
        self._picture: np.ndarray | None = None  # the last one before frames of one colour
        self._plain: tuple[int, int] | None = None  # the first and the last of these
        self._plains: list[tuple[int, int]] = []  # likewise, of all before

    @property
    def changes(self) -> list[int]:
        """The frames at which another shot is taken to begin: the middles of changes, rising."""
        plains = [*self._plains, *([self._plain] if self._plain else [])]
        # While a picture fades, what moves in it looks mixed.
        mixed = [
            frame
            for frame, _ in self._mixed
            if all(frame < first - _SPAN or frame > last + _SPAN for first, last in plains)
        ]
        return sorted([*self._fades, *mixed])

    def show(self, picture: np.ndarray) -> None:
        """The next frame, (H, W, 3) uint8 RGB."""
        small = cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        self._judge_fade(small)
        self._frames.append(small)
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        grey = cv2.resize(grey, _FLOW_SIZE, interpolation=cv2.INTER_AREA)
        self._greys.append(_evenly_lit(grey))
        self._count += 1
        for half in _HALF_SPANS:
            if self._count > 2 * half:
                self._judge_span(half)

    def _judge_span(self, half: int) -> None:
        """Whether the newest frame and the one two half spans before are mixed in the middle."""
        first, middle, last = (self._frames[-1 - back] for back in (2 * half, half, 0))
        apart = _mean_square(last - first)
        if apart < _UNLIKE**2 or min(first.std(), last.std()) < _PICTURE:
            return
        mixed = _mean_square(middle - (first + last) / 2) / apart
        if mixed >= _MIXED or _correlation(first, last) >= _CORRELATED:
            return
        # The purest of the frames that follow closely upon one another stands for its dissolve.
        frame = self._count - 1 - half
        near = [one for one in self._mixed if abs(one[0] - frame) < _SPAN]
        if all(mixed < other for _, other in near) and not self._followed(half):
            self._mixed = [one for one in self._mixed if one not in near] + [(frame, mixed)]

    def _followed(self, half: int) -> bool:
        """Whether either end of a span shows by optical flow what its middle shows."""
        middle = self._greys[-1 - half]
        ends = self._greys[-1 - 2 * half], self._greys[-1]
        return min(self._left(middle, end) for end in ends) < _NOT_FOLLOWED

    def _left(self, grey: np.ndarray, other: np.ndarray) -> float:
        """The share of the difference of two pictures that optical flow does not explain."""
        flow = self._flow.calc(grey, other, None)  # (h, w, 2)
        ys, xs = np.indices(grey.shape, np.float32)
        places = xs + flow[..., 0], ys + flow[..., 1]
        moved = cv2.remap(other, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return float(cv2.absdiff(moved, grey).mean() / max(cv2.absdiff(other, grey).mean(), 1e-6))

    def _judge_fade(self, small: np.ndarray) -> None:
        """Note the frames of a single colour; a fade is known by the first picture behind them."""
        spread = float((small - small.mean(axis=(0, 1))).std())
        if spread < _PLAIN:
            first = self._plain[0] if self._plain else self._count
            self._plain = first, self._count
        elif spread >= _PICTURE:
            if self._plain and self._picture is not None:
                middle = (self._plain[0] + self._count) // 2
                if _correlation(self._picture, small) < _CORRELATED:
                    self._fades.append(middle)
            self._plains += [self._plain] if self._plain else []
            self._picture, self._plain = small, None


def _evenly_lit(grey: np.ndarray) -> np.ndarray:
    """A picture (h, w) uint8 at a mean and contrast of its own: flow asks for the same light."""
    scale = 50 / max(float(grey.std()), 1.0)
    return cv2.convertScaleAbs(grey, alpha=scale, beta=128 - scale * float(grey.mean()))


def _mean_square(values: np.ndarray) -> float:
    return float(np.square(values).mean())


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Of the pixels of two pictures (h, w, 3), each channel less its mean."""
    one, other = (values - values.mean(axis=(0, 1)) for values in (one, other))
    size = np.sqrt(_mean_square(one) * _mean_square(other))
    return float((one * other).mean() / max(size, 1e-6))
