"""Motion against the camera: how much each place of a video moves, apart from the camera's motion.

Between a frame and each of its neighbours in time, optical flow says where every pixel goes. A
homography fitted to that flow is what a turning, zooming or sideways moving camera makes of a far
or flat scene. What the flow does beyond it is the place's own motion. Needs no backbone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import lru_cache
from itertools import tee
from pathlib import Path

import cv2
import numpy as np

from betrayed.config.motion import MotionSettings
from betrayed.io.artefacts import create
from betrayed.io.progress import progress
from betrayed.objects.flow import Flow, flow_size, keeps_aspect, neighbour_flows
from betrayed.objects.point_tracking import follow_points
from betrayed.objects.resizing import in_frames_of, resize
from betrayed.video.video import Video

#: Pixels from one flow vector that the camera is fitted to, to the next.
_STEP = 4
#: Pixels, in frames 240 high, that a flow vector may be off a homography and still support it.
_TOLERANCE = 1.0
#: Share of the vectors that must support a homography; below it no one motion is the camera's.
_SUPPORT = 0.25


def measure_motion(
    video: Video, output: str | Path, trajectories: str | Path, settings: MotionSettings
) -> None:
    """Measure a video's motion against the camera, follow its points, and write both.

    The motion file holds ``residual`` (T, h, w) float16, see :func:`residual_motion`; its
    attributes are ``frame_size`` (height, width of the video) and ``count`` T. The trajectories
    hold a row for each point and frame, sorted by frame: ``id``, ``frame``, ``y`` and ``x``, the
    latter in pixels of the video's own frames, and the same attributes. Equal videos give equal
    bytes, with any number of threads.

    Args:
        video: the frames; two are held at a time.
        output: the motion artefact to write.
        trajectories: the trajectories artefact to write.
        settings: see :class:`betrayed.config.motion.MotionSettings`.

    Raises:
        UserError: a frame cannot be read.
    """
    frame_size = (video.height, video.width)
    grid, size = motion_grid(frame_size, settings), flow_size(frame_size, settings.height)
    made_by = {"video": video.name, **asdict(settings)}
    frames = (video.frame(index) for index in range(video.count))
    flows, same_flows = tee(neighbour_flows(frames, settings.height))
    measured = zip(
        residual_motion(flows, frame_size, settings), follow_points(same_flows, size), strict=True
    )
    with (
        create(output, "motion", made_by) as file,
        create(trajectories, "trajectories", made_by) as points_file,
    ):
        stored = file.create_dataset(
            "residual", (video.count, *grid), np.float16, chunks=(1, *grid)
        )
        columns = [
            points_file.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(2**14,))
            for name, kind in (("id", "i4"), ("frame", "i4"), ("y", "f4"), ("x", "f4"))
        ]
        for one in (file, points_file):
            one.attrs["frame_size"], one.attrs["count"] = frame_size, video.count
        bar = progress(measured, f"motion of {video.name}", "frame", video.count)
        for index, (residual, points) in enumerate(bar):
            stored[index] = np.minimum(residual, np.finfo(np.float16).max)
            rows, count = columns[0].shape[0], len(points.ids)
            places = (points.places + 0.5) * (np.array(frame_size) / size) - 0.5
            values = (points.ids, np.full(count, index), *places.T)
            for column, added in zip(columns, values, strict=True):
                column.resize((rows + count,))
                column[rows:] = added


def motion_grid(frame_size: tuple[int, int], settings: MotionSettings) -> tuple[int, int]:
    """Rows and columns of the places whose motion is measured in frames of (height, width)."""
    rows = settings.height / settings.cell
    columns = round(rows * frame_size[1] / frame_size[0])
    if not keeps_aspect(frame_size, settings.height):
        columns = min(columns, round(flow_size(frame_size, settings.height)[1] / settings.cell))
    return round(rows), max(1, columns)


def residual_motion(
    flows: Iterable[Flow], frame_size: tuple[int, int], settings: MotionSettings
) -> Iterator[np.ndarray]:
    """Motion against the camera of one frame after another.

    The residual of a pixel is the length of its flow minus the camera's. What is uncovered or
    covered has no partner in one of the two neighbours and seems to move there, so the smaller of
    both residuals counts; the first and the last frame have one alone. A video of a single frame
    has no motion.

    Args:
        flows: between neighbouring frames, T − 1.
        frame_size: height and width of the video's own frames.
        settings: see :class:`betrayed.config.motion.MotionSettings`.

    Yields:
        For each of the T frames (h, w) float32, mean residual of each place: pixels a frame, of
        frames that are ``settings.height`` pixels high.
    """
    backward, stretch = None, _stretch(frame_size, settings.height)
    for flow in flows:
        forward = _residual(flow.forward, stretch)
        both = forward if backward is None else np.minimum(forward, backward)
        yield _coarse(both, frame_size, settings)
        backward = _residual(flow.backward, stretch)
    if backward is None:
        backward = np.zeros(flow_size(frame_size, settings.height), np.float32)
    yield _coarse(backward, frame_size, settings)


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
    places = _places(height, width)  # (H, W, 2) of x, y
    vectors = flow[::_STEP, ::_STEP].reshape(-1, 2)  # (n, 2)
    start = places[::_STEP, ::_STEP].reshape(-1, 2).astype(np.float32)  # (n, 2)
    tolerance = in_frames_of(height, _TOLERANCE)
    homography, inliers = cv2.findHomography(start, start + vectors, cv2.RANSAC, tolerance)
    if homography is not None and inliers.mean() >= _SUPPORT:
        ends = places @ homography[:, :2].T + homography[:, 2]  # (H, W, 3), homogeneous
        if ends[..., 2].min() > 0:
            moved = ends[..., :2] / ends[..., 2:]
            moved -= places
            return moved.astype(np.float32)
    return np.broadcast_to(np.median(vectors, axis=0), flow.shape).astype(np.float32)


@lru_cache(maxsize=1)
def _places(height: int, width: int) -> np.ndarray:
    """x and y of every pixel, (H, W, 2), the same for all frames of a video."""
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float64)
    places.setflags(write=False)
    return places


def _stretch(frame_size: tuple[int, int], height: int) -> np.ndarray:
    """What makes lengths in x and y of the enlarged frame alike: ones, if its aspect was kept."""
    if keeps_aspect(frame_size, height):
        return np.ones(2, np.float32)
    rows, columns = np.divide(flow_size(frame_size, height), frame_size)
    return np.array([rows / columns, 1.0], np.float32)


def _residual(flow: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    x, y = np.moveaxis((flow - camera_flow(flow)) * stretch, -1, 0)
    return np.sqrt(x * x + y * y)  # (H, W)


def _coarse(
    residual: np.ndarray, frame_size: tuple[int, int], settings: MotionSettings
) -> np.ndarray:
    """Mean residual of each place, from pixels of the enlarged frame to those of the settings."""
    places = resize(residual, motion_grid(frame_size, settings))
    return places * np.float32(settings.height / residual.shape[0])
