"""What the points of a video see while they are on its foreground: gathered frame by frame."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from betrayed.objects.point_tracking import sample

#: Points whose every observation has a kept one within so many pixels add nothing.
_COVER = 8
#: By how much that distance grows while too many points are left.
_GROWTH = 1.25
#: Distances are counted in steps of so many pixels.
_STEP = 4
#: Of a symmetric matrix what lies below the diagonal is summed, in so many strips of rows.
_STRIPS = 3
#: An observation counts by the share of foreground around it, squared: at an outline tokens see
#: the background too.
_LEAST_DEPTH, _POWER = 0.05, 2


@dataclass(frozen=True)
class Seen:
    """The points that are compared with one another.

    Attributes:
        places: (n, T, 2) float32, row and column in pixels of the foreground's grid; NaN where a
            point is not on the foreground.
        pieces: (n, T) int32, the connected piece of the foreground that it lies on; −1 likewise.
        weights: (n,) float64, how much each point has seen: its frames, less where it is near an
            outline.
        looks: (n, D) float64, its mean patch token, at length 1 before the mean.
        differences: (n, D) float64, the same less the foreground's mean in each frame and less
            what is linear in the distance from the outline.
        change: (D, D) float64, covariance of tokens about the mean of their own point: what view
            and light change while the thing stays the same.
        area: pixels of the foreground's grid that it covers, mean over frames that have any.
        size: height and width of the foreground's grid.
        ids: (n,) what each point was called; one that left and came back is there twice. None where
            nobody asks.
    """

    places: np.ndarray
    pieces: np.ndarray
    weights: np.ndarray
    looks: np.ndarray
    differences: np.ndarray
    change: np.ndarray
    area: float
    size: tuple[int, int]
    ids: np.ndarray | None = None


def sample_tokens(tokens: np.ndarray, places: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Patch tokens (h, w, D) at places (n, 2) of a frame of ``size``: (n, D), at length 1."""
    scale = np.array(tokens.shape[:2]) / size
    looks = sample(tokens.astype(np.float32), (places.astype(np.float32) + 0.5) * scale - 0.5)
    return looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-6)


class Observations:
    """Gathers a video's observations, one frame after another, so that no token need be kept."""

    def __init__(self, size: tuple[int, int]) -> None:
        """Nothing seen yet; ``size`` is height and width of the foreground's grid."""
        self._size = size
        self._rows: dict[int, int] = {}  # of a point's present stay on the foreground
        self._points = 0
        self._ids: list[int] = []  # of each row
        self._frames: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._areas: list[int] = []
        self._sums: _Sums | None = None

    def add(
        self, ids: np.ndarray, places: np.ndarray, foreground: np.ndarray, tokens: np.ndarray
    ) -> None:
        """Look at the next frame. A point that leaves the foreground and returns is another one.

        Args:
            ids: (n,) of the points that are alive.
            places: (n, 2) their rows and columns in pixels of the foreground's grid.
            foreground: (H, W) bool.
            tokens: (h, w, D) patch tokens of the frame, of any float type.
        """
        inside = foreground[tuple(self._pixels(places).T)]
        looks = sample_tokens(tokens, places[inside], self._size)
        self.add_looks(ids[inside], places[inside], foreground, looks, tokens.shape[:2])

    def add_looks(
        self,
        ids: np.ndarray,
        places: np.ndarray,
        foreground: np.ndarray,
        looks: np.ndarray,
        grid: tuple[int, int],
    ) -> None:
        """Like :meth:`add`, where it is known what the points on the foreground look like.

        Args:
            ids: (n,) of the points on the foreground.
            places: (n, 2) their rows and columns in pixels of the foreground's grid.
            foreground: (H, W) bool.
            looks: (n, D) their patch tokens, at length 1.
            grid: rows and columns of the patch tokens.
        """
        if self._sums is None:
            self._sums = _Sums(looks.shape[1])
        pixels, rows = self._pixels(places), self._rows_of(ids)
        scale = np.array(grid) / self._size
        window = [round(3 / one) | 1 for one in scale]  # three tokens, an odd number of pixels
        around = cv2.blur(
            foreground.astype(np.float32), (window[1], window[0]), borderType=cv2.BORDER_REPLICATE
        )
        self._sums.add(rows, looks, around[tuple(pixels.T)])
        pieces = cv2.connectedComponents(foreground.astype(np.uint8))[1][tuple(pixels.T)]
        self._frames.append((rows, places.astype(np.float32), pieces))
        self._areas.append(int(foreground.sum()))

    def chosen(self, most: int) -> Seen | None:
        """The points that cover the foreground, longest first, at most so many.

        A point is kept when one of its observations has no kept one within 8 pixels in its frame;
        this distance grows until at most ``most`` points are left.

        Returns:
            None when no point was ever on the foreground.
        """
        if self._points == 0:
            return None
        frame = np.repeat(np.arange(len(self._frames)), [len(rows) for rows, *_ in self._frames])
        rows, places, pieces = (np.concatenate(part) for part in zip(*self._frames, strict=True))
        order = np.lexsort((frame, rows))
        frame, places, pieces = frame[order], places[order], pieces[order]
        counts = np.bincount(rows, minlength=self._points)
        starts = np.concatenate([[0], np.cumsum(counts)])
        cover = float(_COVER)
        while True:
            kept = self._covering(frame, places, starts, round(cover / _STEP))
            if len(kept) <= most:
                break
            cover *= _GROWTH
        dense = np.full((len(kept), len(self._frames), 2), np.nan, np.float32)
        piece = np.full(dense.shape[:2], -1, np.int32)
        for place, point in enumerate(kept):
            own = slice(starts[point], starts[point + 1])
            dense[place, frame[own]], piece[place, frame[own]] = places[own], pieces[own]
        looks, differences, weights, change = self._sums.means(self._points)
        area = float(np.mean([one for one in self._areas if one] or [1]))
        return Seen(
            dense,
            piece,
            weights[kept],
            looks[kept],
            differences[kept],
            change,
            area,
            self._size,
            np.array(self._ids)[kept],
        )

    def _pixels(self, places: np.ndarray) -> np.ndarray:
        return np.clip(np.round(places).astype(int), 0, np.array(self._size) - 1)

    def _rows_of(self, ids: np.ndarray) -> np.ndarray:
        """The rows of points; a new one for each that was not on the foreground a frame ago."""
        present = {}
        for point in ids.tolist():
            row = self._rows.get(point)
            if row is None:
                row, self._points = self._points, self._points + 1
                self._ids.append(point)
            present[point] = row
        self._rows = present
        return np.fromiter(present.values(), int, len(present))

    def _covering(
        self, frame: np.ndarray, places: np.ndarray, starts: np.ndarray, cover: int
    ) -> np.ndarray:
        """Which points to keep, longest first; of equal ones the first that appeared."""
        steps = np.clip(places // _STEP, 0, None).astype(int)
        height, width = (side // _STEP + 1 + 2 * cover for side in self._size)
        taken = np.zeros((len(self._frames), height, width), bool)
        kept = []
        for point in np.argsort(-np.diff(starts), kind="stable"):
            own = slice(starts[point], starts[point + 1])
            times, (rows, columns) = frame[own], steps[own].T
            if taken[times, rows + cover, columns + cover].all():
                continue
            kept.append(point)
            for time, row, column in zip(times, rows, columns, strict=True):
                taken[time, row : row + 2 * cover + 1, column : column + 2 * cover + 1] = True
        return np.array(kept)


class _Sums:
    """Sums over observations, from which the means of every point are made in the end."""

    def __init__(self, dim: int) -> None:
        self.looks, self.differences = np.zeros((2, 256, dim))
        self.weights, self.depths = np.zeros((2, 256))
        self.squares = np.zeros((dim, dim))  # below the diagonal, and on it
        ends = [dim * strip // _STRIPS for strip in range(_STRIPS + 1)]
        self._strips = [slice(*one) for one in pairwise(ends)]
        self.count, self.depth, self.depth_squares = 0, 0.0, 0.0
        self.plain, self.by_depth = np.zeros((2, dim))

    def add(self, rows: np.ndarray, seen: np.ndarray, depth: np.ndarray) -> None:
        if len(rows) == 0:
            return
        while rows.max() >= len(self.weights):
            for name in ("looks", "differences", "weights", "depths"):
                values = getattr(self, name)
                setattr(self, name, np.concatenate([values, np.zeros_like(values)]))
        weight = np.maximum(depth, _LEAST_DEPTH).astype(np.float64) ** _POWER
        seen = seen.astype(np.float64)
        apart = seen - weight @ seen / weight.sum()
        self.plain += apart.sum(axis=0)
        self.by_depth += depth @ apart
        apart *= weight[:, None]
        self.differences[rows] += apart
        weighed = weight[:, None] * seen
        self.looks[rows] += weighed
        for strip in self._strips:
            self.squares[strip, : strip.stop] += weighed[:, strip].T @ seen[:, : strip.stop]
        self.weights[rows] += weight
        self.depths[rows] += weight * depth
        self.count += len(rows)
        self.depth += depth.sum()
        self.depth_squares += float(depth @ depth)

    def means(self, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Looks, differences, weights and change, see :class:`Seen`."""
        weights = self.weights[:points]
        looks = self.looks[:points] / weights[:, None]
        differences = self.differences[:points] / weights[:, None]
        depths = self.depths[:points] / weights
        # Least squares of what a token differs by on its depth, over all observations.
        mean = self.depth / self.count
        spread = self.depth_squares - self.count * mean**2
        slope = (self.by_depth - mean * self.plain) / max(spread, 1e-6)
        differences = differences - (depths - mean)[:, None] * slope
        change = np.tril(self.squares - (looks * weights[:, None]).T @ looks)
        change += np.tril(change, -1).T
        return looks, differences, weights, change / weights.sum()
