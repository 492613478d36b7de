import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from betrayed.io.palette import davis_palette, read_ids
from betrayed.synthetic.film import SyntheticSettings, make_dataset, render_clip, tell
from betrayed.video.decoding import Decoder
from support.paths import SCRIPTS

pytestmark = pytest.mark.slow

SMALL = SyntheticSettings(frames=12, height=120, width=216)
TINY = SyntheticSettings(frames=6, height=60, width=100)
NAMES = [tell(number, SMALL).name for number in range(SMALL.clips)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "data"
    make_dataset(folder, SMALL)
    return folder


def masks(folder: Path, name: str) -> np.ndarray:
    """(T, H, W) ids of a clip."""
    return np.stack([read_ids(path) for path in sorted((folder / "annotations" / name).iterdir())])


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        settings = SyntheticSettings(seed=seed, clips=4, frames=2, height=60, width=100)
        make_dataset(tmp_path / name, settings)
    one, two, three = (digests(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one.keys() == three.keys()
    assert all(one[name] != three[name] for name in one if name.startswith("videos"))


def test_the_default_is_what_is_promised():
    settings = SyntheticSettings()
    assert settings.clips >= 6
    assert 24 <= settings.frames <= 32


def test_every_clip_has_its_frames_masks_and_two_to_four_objects(made):
    assert len(NAMES) == 6
    assert sorted(path.stem for path in (made / "videos").iterdir()) == sorted(NAMES)
    for name in NAMES:
        ids = masks(made, name)
        assert len(ids) == SMALL.frames
        assert 2 <= ids.max() <= 4
        assert set(np.unique(ids)) == set(range(ids.max() + 1))
        source = made / "videos" / name
        if source.is_dir():
            pictures = sorted(source.iterdir())
            assert [path.stem for path in pictures] == [f"{i:05d}" for i in range(SMALL.frames)]
            for path in pictures:
                with Image.open(path) as picture:
                    assert picture.size == ids.shape[:0:-1]
    assert "seed 0" in (made / "README.txt").read_text()


def test_masks_carry_the_palette_of_davis(made):
    with Image.open(made / "annotations" / "meadow-horses" / "00000.png") as image:
        assert image.mode == "P"
        assert bytes(image.getpalette())[:30] == davis_palette()[:30]


def test_objects_are_large_enough_and_there_from_the_start(made):
    for name in NAMES:
        first = masks(made, name)[0]
        areas = np.bincount(first.ravel())[1:] / first.size
        assert areas.min() > 0.015, name


def test_one_object_is_hidden_completely_and_comes_back(made):
    ids = masks(made, "street-full-occlusion")
    area = (ids == 1).sum((1, 2))
    hidden = np.flatnonzero(area == 0)
    assert len(hidden) >= 2
    assert (np.diff(hidden) == 1).all()
    assert area[: hidden[0]].min() > 0
    assert area[hidden[-1] + 1 :].min() > 0
    assert min(area[0], area[-1]) > 0.015 * ids[0].size
    # Where it was, the bus is: hidden within the frame, not outside.
    columns = np.flatnonzero((ids[hidden[0] - 1] == 1).any(0))
    assert columns.max() < ids.shape[2] - 1
    assert columns.min() > 0


def test_one_object_leaves_and_returns(made):
    ids = masks(made, "beach-leave-return")
    area = (ids == 1).sum((1, 2))
    gone = np.flatnonzero(area == 0)
    assert len(gone) >= 2
    assert min(area[0], area[-1]) > 0.015 * ids[0].size
    # It goes and comes across the frame's right edge.
    assert (ids[gone[0] - 1, :, -1] == 1).any()
    assert (ids[gone[-1] + 1, :, -1] == 1).any()


def test_one_clip_is_a_video_file_of_even_size(made):
    frames = list(Decoder(made / "videos" / "lake-boats.mp4").frames())
    ids = masks(made, "lake-boats")
    assert len(frames) == len(ids)
    assert frames[0].shape[:2] == ids[0].shape
    assert all(side % 2 == 0 for side in ids[0].shape)


@pytest.mark.parametrize("size", [(240, 432), (60, 100), (112, 224), (130, 240)])
def test_one_clip_has_a_size_that_no_patch_divides(size):
    settings = SyntheticSettings(frames=1, height=size[0], width=size[1])
    _, ids = render_clip(NAMES.index("savanna-odd-size"), settings)[0]
    assert all(side % patch for side in ids.shape for patch in (14, 16))


def test_the_camera_moves_in_every_clip():
    still = []
    for number, name in enumerate(NAMES):
        (first, ids), *_, (last, other) = render_clip(number, TINY)
        ground = (ids == 0) & (other == 0)
        change = np.abs(first.astype(int) - last)[ground].mean()
        if change < 4:
            still.append((name, change))
    assert not still


def test_masks_follow_what_is_drawn():
    # An object's pixels differ from what is there once it has left.
    settings = SyntheticSettings(frames=24, height=120, width=216)
    clip = render_clip(NAMES.index("beach-leave-return"), settings)
    frame, ids = clip[0]
    empty = clip[11][0].astype(float)
    assert not (clip[11][1] == 1).any()
    dog = ids == 1
    rows = np.flatnonzero(dog.any(1))
    sand = empty[rows[len(rows) // 2] :].mean((0, 1))
    assert np.abs(frame[dog].mean(0) - sand).max() > 40
    # The edge of the mask is the edge of the picture: just outside it is sand again.
    inside = frame[rows[-6]][dog[rows[-6]]].mean()
    outside = frame[rows[-6]][~(ids[rows[-6]] > 0)].mean()
    assert outside - inside > 30


@pytest.mark.parametrize("frames", [1, 2, 6])
def test_fewer_clips_and_frames_are_the_first_ones(tmp_path, frames):
    settings = SyntheticSettings(clips=2, frames=frames, height=60, width=100)
    make_dataset(tmp_path / "data", settings)
    assert sorted(path.name for path in (tmp_path / "data" / "videos").iterdir()) == [
        "meadow-horses",
        "street-full-occlusion",
    ]
    assert len(masks(tmp_path / "data", "meadow-horses")) == frames


def test_six_frames_still_tell_the_stories():
    for name in ("street-full-occlusion", "beach-leave-return"):
        clip = render_clip(NAMES.index(name), TINY)
        seen = [bool((ids == 1).any()) for _, ids in clip]
        assert seen[0]
        assert seen[-1]
        assert not all(seen)


@pytest.mark.parametrize(
    "change", [{"clips": 0}, {"clips": 7}, {"frames": 0}, {"height": 8}, {"seed": -1}]
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        SyntheticSettings(**change)


def test_a_failed_drawing_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "kept.txt").write_text("kept")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("betrayed.synthetic.film.save_palette_png", fail)
    with pytest.raises(OSError, match="disk full"):
        make_dataset(tmp_path / "data", SyntheticSettings(clips=1, frames=1, height=60, width=100))
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "kept.txt"]


def test_the_program_makes_it_and_refuses_unknown_settings(tmp_path):
    def call(settings: dict) -> subprocess.CompletedProcess:
        program = SCRIPTS / "make_dataset.py"
        command = [sys.executable, program, "--output", tmp_path / "data", "--settings"]
        return subprocess.run([*command, json.dumps(settings)], capture_output=True, text=True)

    small = {"clips": 1, "frames": 2, "height": 60, "width": 100}
    assert call(small).returncode == 0
    assert (tmp_path / "data" / "videos" / "meadow-horses" / "00001.jpg").is_file()
    refused = call({"clip": 1})
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: --settings: unknown key 'clip'")
