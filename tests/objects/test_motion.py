"""Motion against the camera: what it cancels, what it keeps, and its artefact."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from betrayed.config.reading import read_settings
from betrayed.engine.records import Record
from betrayed.errors import UserError
from betrayed.io.artefacts import create, open_checked, provenance
from betrayed.objects.flow import flow_size, keeps_aspect, neighbour_flows
from betrayed.objects.motion import read_motion
from betrayed.objects.motion_measurement import (
    MotionSettings,
    camera_flow,
    measure_motion,
    motion_grid,
    residual_motion,
)
from betrayed.objects.point_tracking import follow_points
from betrayed.objects.trajectories import read_trajectories
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.paths import ROOT, SCRIPTS
from support.records import record_of
from support.tiny_scene import trajectories_file
from support.videos_for_tests import write_frames

SMALL = MotionSettings(height=120)
SIZE = (120, 200)
SPEED = 4  # of the square against the background, pixels a frame


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Gray noise (height, width) uint8 that is coarse enough for flow to follow it."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def film(count: int = 4, camera: tuple[float, float, float] = (3.0, -1.0, 1.02), square=True):
    """A panning and zooming camera, and a square that moves down against it.

    Returns frames (T, H, W, 3) uint8 and where the square is, (T, H, W) bool.
    """
    wide = texture(SIZE[0] * 2, SIZE[1] * 2, 0)
    own = texture(40, 40, 1)
    frames, inside = [], []
    for index in range(count):
        zoom = camera[2] ** index
        centre = np.array(SIZE[::-1]) - np.array(camera[:2]) * index
        move = np.array(SIZE[::-1]) / 2 - zoom * centre
        warp = np.array([[zoom, 0, move[0]], [0, zoom, move[1]]])
        gray = cv2.warpAffine(wide, warp, SIZE[::-1], flags=cv2.INTER_LINEAR)
        where = np.zeros(SIZE, bool)
        if square:
            top = 30 + (SPEED - round(camera[1])) * index
            where[top : top + 40, 80:120] = True
            gray[where] = own.ravel()
        frames.append(np.repeat(gray[..., None], 3, -1))
        inside.append(where)
    return np.stack(frames), np.stack(inside)


def measured(frames: np.ndarray, settings: MotionSettings = SMALL) -> np.ndarray:
    flows = neighbour_flows(frames, settings.height)
    return np.stack(list(residual_motion(flows, frames.shape[1:3], settings)))


def on_grid(inside: np.ndarray, settings: MotionSettings = SMALL) -> np.ndarray:
    """Share of each cell that lies inside."""
    size = motion_grid(SIZE, settings)[::-1]
    return np.stack(
        [cv2.resize(one.astype(np.float32), size, interpolation=cv2.INTER_AREA) for one in inside]
    )


@pytest.fixture(scope="module")
def moving() -> tuple[np.ndarray, np.ndarray]:
    return film()


def saved(folder: Path, frames: np.ndarray, name: str = "bear") -> Path:
    write_frames(folder / "images", frames, suffix=".png")
    extract(name, folder / "images", folder / name)
    return folder / name / "frames.json"


def test_square_moves_and_background_does_not(moving):
    frames, inside = moving
    residual, share = measured(frames), on_grid(inside)
    assert residual.shape == (4, 30, 50)
    assert residual.dtype == np.float32
    # First and last frame too, which have one neighbour alone.
    for one, where in zip(residual, share, strict=True):
        assert np.median(one[where == 0]) < 0.3
        assert np.median(one[where == 1]) > 2
        assert np.median(one[where == 1]) > 10 * np.median(one[where == 0])


def test_residual_is_the_motion_against_the_camera_in_pixels():
    frames, inside = film(camera=(0.0, 0.0, 1.0))
    residual, share = measured(frames), on_grid(inside)
    assert np.median(residual[share == 1]) == pytest.approx(SPEED, abs=0.2)


def test_camera_alone_is_cancelled():
    frames, _ = film(square=False)
    assert np.median(measured(frames)) < 0.1
    # What comes into the frame has no partner behind it, but one ahead of it.
    assert np.percentile(measured(frames)[1:-1], 98) < 0.3


def test_uncovered_background_counts_as_still_between_two_neighbours():
    frames, inside = film(count=3, camera=(0.0, 0.0, 1.0))
    # Covered in the frame before, free in the middle one and after it.
    uncovered = inside[0] & ~inside[1]
    each = MotionSettings(height=SIZE[0], cell=1)
    middle = measured(frames, each)[1]
    toward_the_first = measured(frames[1::-1], each)[0]
    assert (middle <= toward_the_first).all()
    assert middle[uncovered].mean() < 0.7 * toward_the_first[uncovered].mean()


def test_residual_does_not_depend_on_direction_of_time(moving):
    frames, _ = moving
    np.testing.assert_array_equal(measured(frames), measured(frames[::-1])[::-1])


def test_static_video_does_not_move(moving):
    assert measured(np.repeat(moving[0][:1], 3, 0)).max() < 0.01


@pytest.mark.parametrize("value", [0, 7, 255])
def test_flat_images_do_not_move(value):
    frames = np.full((3, *SIZE, 3), value, np.uint8)
    frames[2] //= 2
    np.testing.assert_allclose(measured(frames), 0, atol=1e-6)


def test_single_frame_does_not_move(moving):
    residual = measured(moving[0][:1])
    assert residual.shape == (1, 30, 50)
    np.testing.assert_array_equal(residual, 0)


def test_cut_and_noise_give_finite_residuals(moving):
    noise = np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3), dtype=np.uint8)
    frames = np.concatenate([moving[0][:1], noise, np.zeros((1, *SIZE, 3), np.uint8)])
    assert np.isfinite(measured(frames)).all()


@pytest.mark.parametrize("size", [(1, 1), (6, 9), (12, 300), (300, 12)])
def test_frames_too_small_for_flow_are_enlarged(size):
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    settings = MotionSettings(height=32)
    residual = measured(frames, settings)
    assert residual.shape == (2, *motion_grid(size, settings))
    assert np.isfinite(residual).all()


def test_unit_is_a_pixel_at_the_height_of_the_settings():
    frames, inside = film(camera=(0.0, 0.0, 1.0))
    small = MotionSettings(height=80, cell=2)
    tiny = MotionSettings(height=40, cell=2)  # flow is computed on 64 x 107
    for settings in (small, tiny):
        share = on_grid(inside, settings)
        median = np.median(measured(frames, settings)[share > 0.8])
        assert median == pytest.approx(SPEED * settings.height / SIZE[0], rel=0.2)


def test_camera_flow_is_the_homography_of_most_vectors():
    matrix = np.array([[1.02, 0.01, -3.0], [-0.01, 0.98, 2.0], [1e-4, -5e-5, 1.0]])
    flow = np.empty((48, 80, 2), np.float32)
    for y in range(48):
        for x in range(80):
            end = matrix @ (x, y, 1)
            flow[y, x] = end[:2] / end[2] - (x, y)
    disturbed = flow.copy()
    disturbed[10:30, 20:50] += (6, -5)
    np.testing.assert_allclose(camera_flow(disturbed), flow, atol=1e-2)


@pytest.mark.parametrize("height", [120, 240, 480])
@pytest.mark.parametrize(("off", "supported"), [(0.7, True), (1.8, False)])
def test_the_camera_needs_as_much_support_at_any_height(height, off, supported):
    """A fifth of the vectors is a zoom, the others are off by so much in frames 240 high."""
    rng, size = np.random.default_rng(0), (height, height // 2)
    zoom = np.stack(np.indices(size)[::-1], -1) * 0.05
    angles = rng.uniform(0, 2 * np.pi, (*size, 1))
    away = np.concatenate([np.cos(angles), np.sin(angles)], -1) * (rng.random((*size, 1)) > 0.2)
    found = camera_flow((zoom + off * height / 240 * away).astype(np.float32))
    assert (found == found[0, 0]).all() == (not supported)  # without support: the median


def test_camera_flow_without_support_is_the_median_translation():
    flow = np.random.default_rng(0).uniform(-40, 40, (64, 64, 2)).astype(np.float32)
    found = camera_flow(flow)
    assert (found == found[0, 0]).all()
    np.testing.assert_allclose(found[0, 0], np.median(flow[::4, ::4].reshape(-1, 2), axis=0))


def test_camera_flow_onto_one_point_is_the_median_translation():
    rows, columns = np.mgrid[:64, :64]
    flow = np.stack([30 - columns, 30 - rows], -1).astype(np.float32)
    found = camera_flow(flow)
    assert np.isfinite(found).all()
    assert (found == found[0, 0]).all()


def test_camera_flow_has_no_horizon_within_the_frame():
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1 / 50, 0.0, 1.0]])  # at x = 50
    rows, columns = np.mgrid[:64, :64]
    ends = np.stack([columns, rows, np.ones_like(rows)], -1) @ matrix.T
    ends[..., 2][ends[..., 2] == 0] = 1e-3
    flow = (ends[..., :2] / ends[..., 2:] - np.stack([columns, rows], -1)).astype(np.float32)
    found = camera_flow(flow)
    assert (found == found[0, 0]).all()


def test_artefact_tells_what_it_holds(moving, tmp_path):
    video = Video.load(saved(tmp_path, moving[0]))
    measure_motion(video, tmp_path / "motion.h5", tmp_path / "points.h5", SMALL)
    with open_checked(tmp_path / "motion.h5", "motion") as file:
        residual = file["residual"][:]
        assert tuple(file.attrs["frame_size"]) == SIZE
        assert file.attrs["count"] == 4
        assert provenance(file) == {"video": "bear", "height": 120, "cell": 4}
    assert residual.dtype == np.float16
    np.testing.assert_array_equal(residual, measured(moving[0]).astype(np.float16))


def test_trajectories_can_be_read_with_h5py_alone(moving, tmp_path):
    frames, inside = moving
    video = Video.load(saved(tmp_path, frames))
    small = MotionSettings(height=60)  # half of the video's own
    measure_motion(video, tmp_path / "motion.h5", tmp_path / "points.h5", small)
    with h5py.File(tmp_path / "points.h5") as file:
        ids, frame, y, x = (file[name][:] for name in ("id", "frame", "y", "x"))
        assert tuple(file.attrs["frame_size"]) == SIZE
        assert file.attrs["count"] == 4
    assert [one.dtype for one in (ids, frame, y, x)] == [np.int32, np.int32, np.float32, np.float32]
    assert ids.shape == frame.shape == y.shape == x.shape
    assert (np.diff(frame) >= 0).all() and set(frame) == {0, 1, 2, 3}
    assert len(set(zip(ids, frame, strict=True))) == len(ids)
    for own in range(4):  # all over the frame, in pixels of the video
        rows, columns = y[frame == own], x[frame == own]
        assert 0 <= rows.min() < 12 and SIZE[0] - 12 < rows.max() <= SIZE[0] - 1
        assert 0 <= columns.min() < 12 and SIZE[1] - 16 < columns.max() <= SIZE[1] - 1
    # The square goes down by five pixels a frame, and its points with it.
    first = (frame == 0) & inside[0][np.round(y).astype(int), np.round(x).astype(int)]
    moved = []
    for one in ids[first]:
        own = ids == one
        moved += [y[own][-1] - y[own][0]] if own.sum() == 4 else []
    assert len(moved) >= 4
    assert np.median(moved) == pytest.approx(3 * (SPEED + 1), rel=0.2)


def test_trajectories_are_those_that_were_followed(moving, tmp_path):
    video = Video.load(saved(tmp_path, moving[0]))
    measure_motion(video, tmp_path / "motion.h5", tmp_path / "points.h5", SMALL)
    read = read_trajectories(tmp_path / "points.h5")
    assert (read.count, read.frame_size) == (4, SIZE)
    points = list(follow_points(neighbour_flows(moving[0], SIZE[0]), SIZE))
    for rows, wanted in zip(read.frames(), points, strict=True):
        np.testing.assert_array_equal(read.ids[rows], wanted.ids)
        np.testing.assert_allclose(read.places[rows], wanted.places, atol=1e-4)


def test_trajectories_of_one_frame(moving, tmp_path):
    video = Video.load(saved(tmp_path, moving[0][:1]))
    measure_motion(video, tmp_path / "motion.h5", tmp_path / "points.h5", SMALL)
    read = read_trajectories(tmp_path / "points.h5")
    assert read.count == 1
    assert read.starts.tolist() == [0, len(read.ids)]
    assert len(read.ids) == (120 // 8) * (200 // 8)


def test_trajectories_of_a_frame_without_points(tmp_path):
    rows = [(0, 0, 1.0, 2.0), (5, 2, 3.0, 4.0), (6, 2, 5.0, 6.0)]
    read = read_trajectories(trajectories_file(tmp_path / "points.h5", rows, SIZE, 4))
    assert list(read.frames()) == [slice(0, 1), slice(1, 1), slice(1, 3), slice(3, 3)]
    assert read.places.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.slow
def test_program_gives_the_same_bytes_with_any_processes(moving, tmp_path):
    films = {"bear": moving[0], "cat": moving[0][::-1], "dog": moving[0][:2]}
    frames = {name: saved(tmp_path / name, one, name) for name, one in films.items()}
    record = record_of(tmp_path / "frames.json", frames)
    for processes in ("1", "2"):
        folder = tmp_path / processes
        command = [sys.executable, "scripts/measure_motion.py", "--frames", record]
        command += ["--output-folder", folder / "motion", "--record", folder / "record.json"]
        command += ["--trajectories-folder", folder / "points", "--processes", processes]
        command += ["--settings", json.dumps({"height": 120})]
        subprocess.run(command, check=True, cwd=ROOT)
        made = Record.read(folder / "record.json").videos
        assert {name: Path(one.artefact) for name, one in made.items()} == {
            name: folder / "motion" / f"{name}.h5" for name in films
        }
    for name, path in frames.items():
        cv2.setRNGSeed(5)  # whatever was drawn before
        here = {kind: tmp_path / f"{kind}-{name}.h5" for kind in ("motion", "points")}
        measure_motion(Video.load(path), *here.values(), SMALL)
        for kind, one in here.items():
            for processes in ("1", "2"):
                found = tmp_path / processes / kind / f"{name}.h5"
                assert found.read_bytes() == one.read_bytes()


def test_module_needs_no_torch():
    code = "import sys, betrayed.objects.motion_measurement; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SCRIPTS)


def written(path: Path, residual: np.ndarray, kind: str = "motion") -> Path:
    with create(path, kind, {"video": "bear"}) as file:
        file["residual"] = residual.astype(np.float16)
    return path


def test_reader_gives_means_of_the_cells_asked_for(tmp_path):
    residual = np.random.default_rng(0).integers(0, 9, (3, 6, 8)).astype(np.float32)
    path = written(tmp_path / "motion.h5", residual)
    read = read_motion(path, (3, 2))
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, residual.reshape(3, 3, 2, 2, 4).mean((2, 4)), rtol=1e-6)
    np.testing.assert_array_equal(read_motion(path, (6, 8)), residual)
    # Cells that do not fit share what lies between them.
    np.testing.assert_allclose(read_motion(path, (4, 3)).mean(), residual.mean(), rtol=1e-5)


def test_reader_tells_lengths_in_frames_240_high(tmp_path):
    residual = np.full((1, 2, 2), 3, np.float32)
    for height, wanted in ((240, 3), (480, 1.5), (120, 6)):
        with create(tmp_path / "motion.h5", "motion", {"height": height}) as file:
            file["residual"] = residual.astype(np.float16)
        assert (read_motion(tmp_path / "motion.h5", (2, 2)) == wanted).all()


def test_reader_enlarges_smoothly(tmp_path):
    ramp = np.tile(np.arange(4, dtype=np.float32), (1, 3, 1))
    read = read_motion(written(tmp_path / "motion.h5", ramp), (6, 16))
    assert read.shape == (1, 6, 16)
    assert (np.diff(read, axis=2) >= 0).all()
    assert np.diff(read, axis=2).max() <= 0.25


def test_reader_refuses_other_files(tmp_path):
    other = written(tmp_path / "tracks.h5", np.zeros((1, 2, 2)), "tracks")
    with pytest.raises(UserError, match=r"tracks\.h5 holds tracks, but motion"):
        read_motion(other, (2, 2))
    with pytest.raises(UserError, match="does not exist"):
        read_motion(tmp_path / "none.h5", (2, 2))
    with h5py.File(tmp_path / "half.h5", "w") as file:
        file.attrs["kind"] = "motion"
    with pytest.raises(UserError, match="never finished"):
        read_motion(tmp_path / "half.h5", (2, 2))


@pytest.mark.parametrize(
    ("text", "named"),
    [('{"height": 8}', "height"), ('{"cell": 0}', "cell"), ('{"cell": 300}', "cell")],
)
def test_settings_out_of_range_are_refused(text, named):
    with pytest.raises(UserError, match=named):
        read_settings(MotionSettings, text)


def test_grid_keeps_the_aspect():
    assert motion_grid((480, 854), MotionSettings()) == (60, 107)
    assert motion_grid((854, 480), MotionSettings()) == (60, 34)
    assert motion_grid((4000, 8), MotionSettings()) == (60, 1)


@pytest.mark.parametrize(
    "size", [(600, 4), (4, 600), (512, 16), (16, 512), (1, 1), (1, 600), (600, 1), (16, 16)]
)
def test_what_is_enlarged_is_bounded_on_both_sides(size):
    height = MotionSettings().height
    rows, columns = flow_size(size, height)
    assert 64 <= rows <= max(4 * height, size[0]) and 64 <= columns <= max(4 * height, size[1])
    assert rows * columns <= 4 * height * max(height, *size)
    grid = motion_grid(size, MotionSettings())
    assert grid[0] == 60 and 1 <= grid[1] <= 240


def test_usual_and_wide_frames_keep_their_aspect():
    assert flow_size((480, 854), 240) == (240, 427)
    assert flow_size((500, 4000), 240) == (240, 1920)  # made smaller, not enlarged
    assert flow_size((48, 64), 240) == (240, 320)
    assert motion_grid((480, 854), MotionSettings()) == (60, 107)


def test_motion_of_narrow_frames_is_told_in_the_same_pixels():
    """A square that moves 2 pixels a frame in x, in frames whose aspect is lost and kept."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 90, (16, 400, 3), np.uint8)
    values = []
    for width in (40, 400):
        frames = np.repeat(ground[None, :, :width], 5, 0)
        for index in range(5):
            left = 10 + 2 * index
            frames[index, 4:12, left : left + 12] = 220
        flows = neighbour_flows(iter(frames), 64)
        residual = list(residual_motion(flows, (16, width), MotionSettings(height=64)))
        values.append(residual[2][:, : round(40 * residual[2].shape[1] / width)].max())
    assert not keeps_aspect((16, 400), 64) and keeps_aspect((16, 40), 64)
    assert values[1] == pytest.approx(values[0], rel=0.5)
