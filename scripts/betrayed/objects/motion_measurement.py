"""Motion against the camera: how much each place of a video moves, apart from the camera's motion.

Between a frame and each of its neighbours in time, optical flow says where every pixel goes. A
homography fitted to that flow is what a turning, zooming or sideways moving camera makes of a far
or flat scene. What the flow does beyond it is the place's own motion. Needs no backbone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from betrayed.errors import UserError
from betrayed.io.artefacts import create
from betrayed.io.progress import progress
from betrayed.objects.resizing import resize
from betrayed.video.video import Video

#: Flow on fewer pixels than this a side is of no use; smaller frames are enlarged.
_SMALLEST_SIDE = 64
#: Pixels from one flow vector that the camera is fitted to, to the next.
_STEP = 4
#: Pixels that a flow vector may be off a homography and still support it.
_TOLERANCE = 1.0
#: Share of the vectors that must support a homography; below it no one motion is the camera's.
_SUPPORT = 0.25


@dataclass(frozen=True)
class MotionSettings:
    """How motion is measured.

    Attributes:
        height: pixels that frames are resized to, aspect kept; the unit of the result.
        cell: side of the places that are told apart, in these pixels.
    """

    height: int = 240
    cell: int = 4

    def __post_init__(self) -> None:
        if self.height < 16:
            raise UserError(f"height must be 16 pixels or more, not {self.height}.")
        if not 1 <= self.cell <= self.height:
            raise UserError(
                f"cell must be between 1 and height ({self.height} pixels), not {self.cell}."
            )


def measure_motion(video: Video, output: str | Path, settings: MotionSettings) -> None:
    """Measure a video's motion against the camera and write it.

    The file holds ``residual`` (T, h, w) float16, see :func:`residual_motion`; its attributes are
    ``frame_size`` (height, width of the video) and ``count`` T. Equal videos give equal bytes,
    with any number of threads.

    Args:
        video: the frames; two are held at a time.
        output: the motion artefact to write.
        settings: see :class:`MotionSettings`.

    Raises:
        UserError: a frame cannot be read.
    """
    grid = motion_grid((video.height, video.width), settings)
    made_by = {"video": video.name, **asdict(settings)}
    with create(output, "motion", made_by) as file:
        file.attrs["frame_size"] = (video.height, video.width)
        file.attrs["count"] = video.count
        stored = file.create_dataset(
            "residual", (video.count, *grid), np.float16, chunks=(1, *grid)
        )
        frames = (video.frame(index) for index in range(video.count))
        residuals = residual_motion(frames, settings)
        bar = progress(residuals, f"motion of {video.name}", "frame", video.count)
        for index, residual in enumerate(bar):
            stored[index] = np.minimum(residual, np.finfo(np.float16).max)


def motion_grid(frame_size: tuple[int, int], settings: MotionSettings) -> tuple[int, int]:
    """Rows and columns of the places whose motion is measured in frames of (height, width)."""
    rows = settings.height / settings.cell
    return round(rows), max(1, round(rows * frame_size[1] / frame_size[0]))


def residual_motion(frames: Iterable[np.ndarray], settings: MotionSettings) -> Iterator[np.ndarray]:
    """Motion against the camera of one frame after another.

    The residual of a pixel is the length of its flow minus the camera's. What is uncovered or
    covered has no partner in one of the two neighbours and seems to move there, so the smaller of
    both residuals counts; the first and the last frame have one alone. A video of a single frame
    has no motion.

    Args:
        frames: (H, W, 3) uint8 RGB, all of one size.
        settings: see :class:`MotionSettings`.

    Yields:
        (h, w) float32, mean residual of each place: pixels a frame, of frames that are
        ``settings.height`` pixels high.
    """
    size, before, backward = (1, 1), None, None
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for frame in frames:
        gray = _prepare(frame, settings)
        if before is not None:
            forward = _residual(flow.calc(before, gray, None))
            both = forward if backward is None else np.minimum(forward, backward)
            yield _coarse(both, size, settings)
            backward = _residual(flow.calc(gray, before, None))
        size, before = frame.shape[:2], gray
    if before is not None:
        alone = np.zeros(before.shape, np.float32) if backward is None else backward
        yield _coarse(alone, size, settings)


def camera_flow(flow: np.ndarray) -> np.ndarray:
    """The part of a flow that the camera's own motion explains.

    A homography, by RANSAC on every fourth vector in rows and columns; OpenCV draws the same
    samples in each call. Where too few vectors support one, or it has a horizon within the
    frame: the median translation.

    Args:
        flow: (H, W, 2) float32, x and y in pixels.

    Returns:
        (H, W, 2) float32.
    """
    height, width = flow.shape[:2]
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)  # (H, W, 2) of x, y
    vectors = flow[::_STEP, ::_STEP].reshape(-1, 2)  # (n, 2)
    start = places[::_STEP, ::_STEP].reshape(-1, 2).astype(np.float32)  # (n, 2)
    homography, inliers = cv2.findHomography(start, start + vectors, cv2.RANSAC, _TOLERANCE)
    if homography is not None and inliers.mean() >= _SUPPORT:
        ends = places @ homography[:, :2].T + homography[:, 2]  # (H, W, 3), homogeneous
        if ends[..., 2].min() > 0:
            return (ends[..., :2] / ends[..., 2:] - places).astype(np.float32)
    return np.broadcast_to(np.median(vectors, axis=0), flow.shape).astype(np.float32)


def _prepare(frame: np.ndarray, settings: MotionSettings) -> np.ndarray:
    """A frame in gray at the height that flow is computed at, enlarged where it is too narrow."""
    height, width = frame.shape[:2]
    scale = max(settings.height / height, _SMALLEST_SIDE / min(height, width))
    return resize(
        cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (round(height * scale), round(width * scale))
    )


def _residual(flow: np.ndarray) -> np.ndarray:
    return np.linalg.norm(flow - camera_flow(flow), axis=-1)  # (H, W)


def _coarse(
    residual: np.ndarray, frame_size: tuple[int, int], settings: MotionSettings
) -> np.ndarray:
    """Mean residual of each place, from pixels of the enlarged frame to those of the settings."""
    places = resize(residual, motion_grid(frame_size, settings))
    return places * np.float32(settings.height / residual.shape[0])
