import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from betrayed.datasets.manifest import write_manifest
from betrayed.engine.records import Record
from betrayed.errors import UserError
from betrayed.io.palette import save_palette_png
from betrayed.video.annotations import read_annotation
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.paths import SCRIPTS
from support.videos_for_tests import (
    ask_quarter_turn,
    cut,
    moving_square,
    video_folder,
    write_annotations,
    write_clip,
    write_frames,
)

FRAMES, IDS = moving_square(6)


@pytest.fixture
def images(tmp_path):
    return write_frames(tmp_path / "clip", FRAMES)


@pytest.fixture
def truth(tmp_path):
    return write_annotations(tmp_path / "truth", IDS)


def extracted(tmp_path: Path, source: Path, **more) -> Video:
    extract("clip", source, tmp_path / "out" / "clip", **more)
    return Video.load(tmp_path / "out" / "clip" / "frames.json")


def refused(tmp_path: Path, source: Path, message: str, **more) -> None:
    """The extraction fails with this message and leaves nothing behind."""
    with pytest.raises(UserError, match=message):
        extract("clip", source, tmp_path / "out" / "clip", **more)
    assert list((tmp_path / "out").iterdir()) == []


def close(one: np.ndarray, other: np.ndarray, tolerance: float = 4.0) -> bool:
    return one.shape == other.shape and np.abs(one.astype(int) - other).mean() < tolerance


# Folders of images


def test_images_are_used_where_they_lie(tmp_path, images, truth):
    video = extracted(tmp_path, images, annotations=truth)
    assert (video.name, video.count, video.height, video.width) == ("clip", 6, 48, 64)
    assert video.fps is None
    assert video.frames[3] == images / "00003.jpg"
    assert [path.name for path in (tmp_path / "out" / "clip").iterdir()] == ["frames.json"]
    for index in range(6):
        assert video.frame(index).dtype == np.uint8
        assert close(video.frame(index), FRAMES[index])
        np.testing.assert_array_equal(read_annotation(video, index), IDS[index])
    assert read_annotation(video, 0, "instances") is None


def test_the_record_says_what_the_video_is(tmp_path, images, truth, monkeypatch):
    monkeypatch.chdir(tmp_path)
    extract("clip", "clip", "out/clip", annotations="truth")
    record = json.loads((tmp_path / "out/clip/frames.json").read_text())
    assert len(record.pop("content")) == 64
    assert record == {
        "video": "clip",
        "name": "clip",
        "count": 6,
        "height": 48,
        "width": 64,
        "fps": None,
        "times": None,
        "seconds": None,
        "pixel_aspect": [1, 1],
        "rotation": 0,
        "mirrored": False,
        "white": None,
        "source": "clip",
        "frames": [f"clip/{i:05d}.jpg" for i in range(6)],
        "annotations": [f"truth/{i:05d}.png" for i in range(6)],
        "instances": None,
        "annotation_kind": "ids",
        "annotated_frames": 6,
        "objects": 1,
    }


def test_images_in_the_working_directory_itself_are_found(images, tmp_path, monkeypatch):
    monkeypatch.chdir(images)
    extract("clip", ".", tmp_path / "out" / "clip")
    assert close(Video.load(tmp_path / "out/clip/frames.json").frame(0), FRAMES[0])


def test_frames_are_ordered_by_number_not_by_name(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    for index in range(12):
        Image.fromarray(np.full((8, 8, 3), 20 * index, np.uint8)).save(
            folder / f"f_{index + 1}.png"
        )
    video = extracted(tmp_path, folder)
    assert [int(video.frame(i).mean()) for i in range(12)] == [20 * i for i in range(12)]


@pytest.mark.parametrize("start", [0, 1, 37])
def test_the_first_number_may_be_any_and_annotations_follow_it(tmp_path, start):
    source = write_frames(tmp_path / "clip", FRAMES, start)
    truth = write_annotations(tmp_path / "truth", IDS, start)
    video = extracted(tmp_path, source, annotations=truth)
    np.testing.assert_array_equal(read_annotation(video, 5), IDS[5])


def test_hidden_and_other_files_are_left_out(tmp_path, images):
    (images / ".00006.jpg").write_bytes(b"")
    (images / "Thumbs.db").write_bytes(b"")
    assert extracted(tmp_path, images).count == 6


def test_grey_frames_become_colour(tmp_path):
    (tmp_path / "clip").mkdir()
    Image.fromarray(np.full((8, 10), 7, np.uint8)).save(tmp_path / "clip" / "0.png")
    assert (extracted(tmp_path, tmp_path / "clip").frame(0) == np.full((8, 10, 3), 7)).all()


def test_a_truncated_image_is_named(tmp_path, images):
    cut(images / "00002.jpg", 0.6)
    refused(tmp_path, images, r"00002\.jpg cannot be read")


def test_an_image_that_is_none_is_named(tmp_path, images):
    (images / "00004.jpg").write_text("<html>not found</html>")
    refused(tmp_path, images, r"00004\.jpg cannot be read")
    (images / "00004.jpg").write_bytes(b"")
    refused(tmp_path, images, r"00004\.jpg cannot be read")


def test_frames_of_different_sizes_are_refused(tmp_path, images):
    Image.fromarray(FRAMES[0][:40]).save(images / "00003.jpg")
    refused(tmp_path, images, r"00003\.jpg is 64x40, but .*00000\.jpg is 64x48")


def test_a_gap_is_refused_with_its_number(tmp_path, images):
    (images / "00003.jpg").unlink()
    refused(tmp_path, images, r"gap: 1 missing between 0 and 5 \(number 3\)")


def test_every_fifth_frame_is_a_rule_and_no_gap(tmp_path, images):
    for number in range(5, -1, -1):
        (images / f"{number:05d}.jpg").rename(images / f"{5 * number:05d}.jpg")
    extract("clip", images, tmp_path / "fifths")
    assert Video.load(tmp_path / "fifths" / "frames.json").count == 6
    (images / "00015.jpg").unlink()
    refused(tmp_path, images, r"gap: 1 missing between 0 and 25 \(number 15\)")


def test_other_pictures_under_the_same_names_are_another_video(tmp_path, images):
    records = []
    for _ in range(2):
        extract("clip", images, tmp_path / "out")
        records.append((tmp_path / "out" / "frames.json").read_text())
    shutil.copy(images / "00001.jpg", images / "00000.jpg")
    extract("clip", images, tmp_path / "out")
    records.append((tmp_path / "out" / "frames.json").read_text())
    assert records[0] == records[1]
    assert records[1] != records[2]


def test_one_number_twice_or_no_number_is_refused(tmp_path, images):
    Image.fromarray(FRAMES[0]).save(images / "0002.png")
    refused(tmp_path, images, "both are frame 2")
    (images / "0002.png").rename(images / "cover.png")
    refused(tmp_path, images, r"cover\.png has no number")


def test_an_empty_folder_and_a_missing_source_are_refused(tmp_path):
    (tmp_path / "clip").mkdir()
    refused(tmp_path, tmp_path / "clip", "holds no frames")
    refused(tmp_path, tmp_path / "nowhere", "does not exist")


# Annotations


def test_a_missing_annotation_is_named(tmp_path, images, truth):
    (truth / "00004.png").unlink()
    refused(tmp_path, images, r"truth/00004\.png is missing", annotations=truth)
    refused(tmp_path, images, "nowhere of the video", annotations=tmp_path / "nowhere")


def test_an_annotation_of_another_size_is_refused(tmp_path, images, truth):
    save_palette_png(truth / "00001.png", IDS[0][:, :60])
    refused(tmp_path, images, r"00001\.png is 60x48, but .* are 64x48", annotations=truth)


def test_an_annotation_in_colour_or_damaged_is_refused(tmp_path, images, truth):
    Image.fromarray(FRAMES[0]).save(truth / "00001.png")
    refused(tmp_path, images, r"00001\.png is a picture in colour", annotations=truth)
    cut(truth / "00001.png", 0.5)
    refused(tmp_path, images, r"00001\.png cannot be read", annotations=truth)


def test_foreground_is_background_and_object_alone(tmp_path, images, truth):
    foreground = write_annotations(tmp_path / "foreground", IDS * 255)
    video = extracted(
        tmp_path, images, annotations=foreground, instances=truth, annotation_kind="foreground"
    )
    np.testing.assert_array_equal(read_annotation(video, 2), IDS[2])
    np.testing.assert_array_equal(read_annotation(video, 2, "instances"), IDS[2])
    # As ids the same files would say void, and no object.
    with pytest.raises(UserError, match=r"holds 0 and 255 alone.*annotation_kind: foreground"):
        extracted(tmp_path, images, annotations=foreground)
    with pytest.raises(ValueError, match="which must be"):
        read_annotation(video, 0, "masks")


def test_an_unknown_kind_of_annotation_is_refused(tmp_path, images):
    with pytest.raises(UserError, match="annotation_kind must be one of"):
        extract("clip", images, tmp_path / "out", annotation_kind="void")


# Video files


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".m4v"])
def test_a_video_file_is_decoded_beside_its_record(tmp_path, suffix, truth):
    codec = "libx264" if suffix != ".avi" else "mpeg4"
    options = {} if suffix != ".avi" else {"qscale": "1", "flags": "+qscale"}
    source = write_clip(tmp_path / f"clip{suffix}", FRAMES, 10, codec, options)
    video = extracted(tmp_path, source, annotations=truth)
    assert (video.count, video.height, video.width) == (6, 48, 64)
    assert video.fps == pytest.approx(10)
    assert json.loads((tmp_path / "out/clip/frames.json").read_text())["frames"][0] == "00000.jpg"
    for index in range(6):
        assert close(video.frame(index), FRAMES[index], 8.0)
        np.testing.assert_array_equal(read_annotation(video, index), IDS[index])


def test_annotations_of_a_video_file_may_count_from_one(tmp_path):
    source = write_clip(tmp_path / "clip.mp4", FRAMES)
    truth = write_annotations(tmp_path / "truth", IDS, 1)
    video = extracted(tmp_path, source, annotations=truth)
    np.testing.assert_array_equal(read_annotation(video, 0), IDS[0])


def test_what_is_no_annotation_of_a_frame_is_named(tmp_path, capsys):
    source = write_clip(tmp_path / "clip.mp4", FRAMES)
    truth = write_annotations(tmp_path / "truth", np.concatenate([IDS, IDS[:2]]))
    (truth / "notes.txt").touch()
    (truth / ".DS_Store").touch()
    video = extracted(tmp_path, source, annotations=truth)
    np.testing.assert_array_equal(read_annotation(video, 5), IDS[5])
    assert "of clip, which is left out: 00006.png, 00007.png, notes.txt." in capsys.readouterr().err


@pytest.mark.parametrize("layout", ["davis", "segtrack", "youtube_vos", "movi", "folder"])
def test_what_is_no_frame_is_named_unless_the_list_says_it(tmp_path, capsys, layout):
    source = write_frames(tmp_path / "clip", FRAMES)
    (source / "old").mkdir()
    (source / "notes.txt").touch()
    extract("clip", source, tmp_path / "out", layout=layout)
    said = "clip holds what is no image of the video: notes.txt, old." in capsys.readouterr().err
    assert said == (layout != "folder")


def test_truth_of_some_frames_is_refused_with_what_scores_it(tmp_path):
    source = write_clip(tmp_path / "clip.mp4", FRAMES)
    truth = write_annotations(tmp_path / "truth", IDS)
    (truth / "00003.png").unlink()
    with pytest.raises(UserError, match=r"00003\.png is missing.*leave this video out\.$"):
        extracted(tmp_path, source, annotations=truth)
    for index in (1, 2, 4):
        (truth / f"{index:05d}.png").unlink()
    with pytest.raises(UserError, match=r"2 of 6 frames have one: make score scores these"):
        extracted(tmp_path, source, annotations=truth)


def test_a_picture_on_its_side_is_turned_upright(tmp_path):
    source = write_clip(tmp_path / "clip.mp4", FRAMES)
    ask_quarter_turn(source)
    video = extracted(tmp_path, source)
    assert (video.height, video.width) == (64, 48)
    assert close(video.frame(0), np.rot90(FRAMES[0], -1), 8.0)


LONG, _ = moving_square(30, 96, 128)


def noisy(frames: np.ndarray) -> np.ndarray:
    """Frames that compress badly, so that each has its share of the file."""
    rng = np.random.default_rng(0)
    return np.clip(frames + rng.normal(0, 12, frames.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("index", ["at the end", "at the start", "fragmented"])
def test_an_mp4_cut_short_is_refused(tmp_path, share, index):
    flags = {"at the start": "faststart", "fragmented": "frag_keyframe+empty_moov"}.get(index)
    source = write_clip(
        tmp_path / "clip.mp4",
        noisy(LONG),
        options={"g": "6"},
        container_options={"movflags": flags} if flags else None,
    )
    assert extracted(tmp_path, source).count == 30
    (tmp_path / "out" / "clip" / "frames.json").unlink()
    before = sorted((tmp_path / "out" / "clip").iterdir())
    with pytest.raises(UserError, match=r"clip\.mp4"):
        extract("clip", cut(source, share), tmp_path / "out" / "clip")
    assert sorted((tmp_path / "out" / "clip").iterdir()) == before


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".webm"])
def test_other_containers_cut_short_are_refused(tmp_path, share, suffix):
    codec = {".mkv": "libx264", ".avi": "mpeg4", ".webm": "libvpx-vp9"}[suffix]
    source = write_clip(tmp_path / f"clip{suffix}", noisy(LONG), codec=codec, options={"g": "6"})
    refused(tmp_path, cut(source, share), rf"clip\{suffix}")


def test_a_hole_in_the_pictures_is_refused(tmp_path):
    source = write_clip(tmp_path / "clip.mp4", noisy(LONG), options={"g": "30"})
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    source.write_bytes(data)
    refused(tmp_path, source, r"clip\.mp4")


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("these are words, and no pictures" * 50)
    refused(tmp_path, tmp_path / "text.mp4", "cannot be opened")
    (tmp_path / "empty.mp4").write_bytes(b"")
    refused(tmp_path, tmp_path / "empty.mp4", "is empty")


# Reading


def test_records_that_are_missing_or_spoilt_are_refused(tmp_path, images):
    with pytest.raises(UserError, match="does not exist"):
        Video.load(tmp_path / "frames.json")
    path = tmp_path / "out" / "clip" / "frames.json"
    extract("clip", images, path.parent)
    whole = json.loads(path.read_text())
    others = ({"count": 7}, {"pixel_aspect": [1, 0]}, {"pixel_aspect": [0, 1]})
    spoilt = [json.dumps({**whole, **other}) for other in others]
    for text in ("", "[]", json.dumps({"video": "clip"}), *spoilt):
        path.write_text(text)
        with pytest.raises(UserError, match="no record of frames"):
            Video.load(path)


def test_files_that_changed_since_are_refused(tmp_path, images, truth):
    video = extracted(tmp_path, images, annotations=truth)
    Image.fromarray(FRAMES[0][:40]).save(images / "00000.jpg")
    save_palette_png(truth / "00000.png", IDS[0][:40])
    (images / "00001.jpg").unlink()
    with pytest.raises(UserError, match=r"00000\.jpg is 64x40 now, but was 64x48"):
        video.frame(0)
    with pytest.raises(UserError, match=r"00000\.png is 64x40 now, but was 64x48"):
        read_annotation(video, 0)
    with pytest.raises(UserError, match=r"00001\.jpg is missing"):
        video.frame(1)


def test_the_program_writes_the_record_or_says_why_not(tmp_path):
    source = video_folder(tmp_path, "clip")
    program = SCRIPTS / "extract_frames.py"
    output = tmp_path / "out" / "clip" / "frames.json"
    record, manifest = tmp_path / "record.json", tmp_path / "videos.csv"
    truth = str(tmp_path / "annotations" / "clip")
    row = {"video": "clip", "source": str(source), "annotations": truth, "batch": "0000"}
    command = [sys.executable, program, "--manifest", manifest, "--batch", "0000"]
    command += ["--record", record, "--output-folder", tmp_path / "out"]
    command += ["--annotation-kind", "ids", "--layout", "folder"]
    write_manifest(manifest, [row | {"source_content": "whole"}])
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert read_annotation(Video.load(output), 0).max() == 1
    assert set(Record.read(record).videos) == {"clip"}
    cut(source / "00000.jpg", 0.5)
    write_manifest(manifest, [row | {"source_content": "cut"}])
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "error: clip is left out: The frame" in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()
    assert Record.read(record).failures["clip"].stage == "extract_frames"


@pytest.mark.parametrize(
    "place, first, said",
    [
        ("masks/v", 0, "There is .*truth/masks/v: say annotations: .*truth/masks. Add them"),
        ("v/ids", 0, "There are images in .*truth/v/ids: move them up."),
        ("v", 1, "They are numbered from 1, frames from 0: number both alike."),
    ],
)
def test_where_annotations_lie_instead_is_said(tmp_path, place, first, said):
    frames, ids = moving_square(3)
    write_frames(tmp_path / "v", frames)
    (tmp_path / "truth" / place).mkdir(parents=True)
    for index, one in enumerate(ids, first):
        save_palette_png(tmp_path / "truth" / place / f"{index:05d}.png", one)
    with pytest.raises(UserError, match=said):
        extract("v", tmp_path / "v", tmp_path / "out", annotations=tmp_path / "truth" / "v")
