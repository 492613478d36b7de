import json

import av
import numpy as np
import pytest
from PIL import Image

from betrayed.errors import UserError
from betrayed.io.palette import davis_palette, save_palette_png
from betrayed.io.video_writing import write_video
from betrayed.objects.mask_writing import write_masks
from betrayed.reporting.pictures import draw_pictures, overlay
from support.tiny_scene import rolling, scene, tracks_file

SIZE = (61, 101)  # odd: H.264 wants even sizes


def make_video(folder, labels, truth=True):
    """A video whose stages have all run: frames, tracks and masks under ``folder``."""
    count = len(labels)
    frames = folder / "frames"
    frames.mkdir(parents=True)
    names, annotations = [], []
    for i in range(count):
        picture = np.random.default_rng(i).integers(256, size=(*SIZE, 3), dtype=np.uint8)
        Image.fromarray(picture).save(frames / f"{i:05d}.jpg")
        names.append(f"{i:05d}.jpg")
        ids = np.zeros(SIZE, np.uint8)
        ids[20:40, 30 + 5 * i : 50 + 5 * i] = 1
        save_palette_png(frames / f"truth{i}.png", ids)
        annotations.append(str(frames / f"truth{i}.png"))
    facts = {"video": "toy", "count": count, "height": SIZE[0], "width": SIZE[1], "fps": 12.5}
    facts |= {"source": "toy.mp4", "frames": names, "instances": None, "annotation_kind": "ids"}
    facts |= {"annotations": annotations if truth else None}
    facts |= {"annotated_frames": count if truth else 0, "objects": 1 if truth else None}
    (frames / "frames.json").write_text(json.dumps(facts))
    write_masks(folder / "masks", labels, rolling(labels), SIZE)
    tracks = tracks_file(folder / "tracks.h5", labels, SIZE)
    return frames / "frames.json", folder / "masks" / "objects.csv", tracks


def test_overlay_by_hand():
    frame = np.full((9, 9, 3), 100, np.uint8)
    ids = np.zeros((9, 9), np.uint8)
    ids[2:7, 2:7] = 2
    picture = overlay(frame, ids)
    colour = np.frombuffer(davis_palette(), np.uint8)[6:9]
    np.testing.assert_array_equal(picture[4, 4], 50 + colour // 2)
    np.testing.assert_array_equal(picture[0, 0], [100, 100, 100])
    assert (picture[2, 4] == 255).all() and (picture[1, 4] == 255).all()
    assert (frame == 100).all()


def test_pictures(tmp_path):
    made = make_video(tmp_path, scene())
    draw_pictures(*made, tmp_path / "pictures")
    with av.open(str(tmp_path / "pictures" / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.average_rate == 12.5
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert [frame.shape for frame in frames] == [(62, 102, 3)] * 6
    with Image.open(tmp_path / "pictures" / "sheet.png") as sheet:
        assert sheet.width == 72 + 6 * 244 and sheet.height == 40 + 4 * 149
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        "overlay.mp4",
        "sheet.png",
    ]


def test_same_bytes_twice(tmp_path):
    made = make_video(tmp_path, scene(3))
    for name in ("one", "two"):
        draw_pictures(*made, tmp_path / name)
    for file in ("overlay.mp4", "sheet.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_no_truth_and_one_frame(tmp_path):
    made = make_video(tmp_path, scene(3)[:1], truth=False)
    draw_pictures(*made, tmp_path / "pictures")
    with Image.open(tmp_path / "pictures" / "sheet.png") as sheet:
        assert sheet.width == 72 + 244 and sheet.height == 40 + 3 * 149


def test_refuses_another_videos_masks(tmp_path):
    frames, _, _ = make_video(tmp_path / "a", scene(4))
    _, objects, tracks = make_video(tmp_path / "b", scene(3))
    with pytest.raises(UserError, match="4 frames"):
        draw_pictures(frames, objects, tracks, tmp_path / "pictures")


def test_a_failed_video_leaves_nothing(tmp_path):
    def pictures():
        yield np.zeros((16, 16, 3), np.uint8)
        raise ValueError("a broken frame")

    with pytest.raises(ValueError, match="broken"):
        write_video(tmp_path / "v.mp4", pictures(), 24)
    assert not list(tmp_path.iterdir())
