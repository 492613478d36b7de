import json
import subprocess
import sys

import av
import numpy as np
import pytest
from PIL import Image

from betrayed.config.pictures import PictureSettings
from betrayed.errors import UserError
from betrayed.io.palette import save_palette_png
from betrayed.io.style import colour_table
from betrayed.io.video_writing import write_video
from betrayed.objects.mask_writing import write_masks
from betrayed.reporting import pictures
from betrayed.reporting.pictures import VideoResults, contact_sheet, draw_pictures, overlay
from betrayed.video.video import Video
from support.masked_videos import masked_video
from support.paths import SCRIPTS
from support.records import record_of
from support.tiny_scene import rolling, scene, tracks_file
from support.videos_for_tests import moving_square, read_clip, tone, write_sounding_clip

SIZE = (61, 101)  # odd: H.264 wants even sizes


def make_video(folder, labels, truth=True, source="toy.mp4", **display):
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
    facts |= {"source": str(source), "frames": names, "instances": None, "annotation_kind": "ids"}
    facts |= display
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
    picture = overlay(frame, ids, "both", 0.5)
    colour = np.array([0x56, 0xB4, 0xE9])  # Okabe and Ito's sky blue, the second one
    np.testing.assert_array_equal(picture[4, 4], (50 + colour / 2).round())
    np.testing.assert_array_equal(picture[0, 0], [100, 100, 100])
    assert (picture[2, 4] == 255).all() and (picture[1, 4] == 255).all()
    assert (frame == 100).all()


def test_styles_by_hand():
    """An object of 5×5 pixels that touches another one."""
    frame = np.full((9, 12, 3), 100, np.uint8)
    ids = np.zeros((9, 12), np.uint8)
    ids[2:7, 2:7], ids[2:7, 7:9] = 2, 3
    colours = colour_table()
    filled = overlay(frame, ids, "fill", 0.25)
    np.testing.assert_array_equal(filled[4, 4], (75 + 0.25 * colours[2]).round())
    np.testing.assert_array_equal(filled[2, 2], filled[4, 4])  # and no line
    np.testing.assert_array_equal(filled[ids == 0], 100)
    drawn = overlay(frame, ids, "outline", 0.25)
    np.testing.assert_array_equal(drawn[4, 4], 100)  # inside
    for place in ((2, 4), (1, 4), (4, 6)):  # inside the edge, outside of it, beside the other
        np.testing.assert_array_equal(drawn[place], colours[2])
    np.testing.assert_array_equal(drawn[4, 7], colours[3])
    assert (overlay(frame, ids, "both", 0.0)[4, 4] == 100).all()
    covered = overlay(frame, ids, "both", 1.0)
    np.testing.assert_array_equal(covered[4, 4], colours[2])
    assert (covered[4, 6:8] == 255).all()


def naive_overlay(frame, ids, style, opacity):
    """The whole picture, pixel by pixel."""
    colours, wide = colour_table(), max(1, round(min(ids.shape) / 360))
    result = frame.astype(float)
    for y, x in np.ndindex(*ids.shape):
        around = ids[max(0, y - wide) : y + wide + 1, max(0, x - wide) : x + wide + 1]
        own, highest = ids[y, x], around.max()
        if own and style != "outline":
            result[y, x] = ((1 - opacity) * frame[y, x] + opacity * colours[own]).round()
        if highest != around.min() and style != "fill":
            result[y, x] = 255 if style == "both" else colours[own or highest]
    return result


@pytest.mark.parametrize("style", ["fill", "outline", "both"])
@pytest.mark.parametrize("place", [(slice(5, 20), slice(8, 30)), (slice(0, 9), slice(30, 41)), ()])
def test_what_is_drawn_where_objects_are_is_what_the_whole_picture_would_be(style, place):
    """Objects inside, at two borders, and none."""
    rng = np.random.default_rng(0)
    frame = rng.integers(256, size=(31, 41, 3), dtype=np.uint8)
    ids = np.zeros((31, 41), np.uint8)
    if place:
        ids[place] = rng.choice([0, 1, 7, 255], ids[place].shape)
    for opacity in (0.0, 0.3, 0.5, 1.0):
        found = overlay(frame, ids, style, opacity)
        # One level, where a sum lies between two.
        assert abs(found - naive_overlay(frame, ids, style, opacity)).max() <= 1
    found = overlay(frame, ids, style, 0.5)
    np.testing.assert_array_equal(found, naive_overlay(frame, ids, style, 0.5))


def test_lines_grow_with_the_film():
    frame, ids = np.zeros((720, 1280, 3), np.uint8), np.zeros((720, 1280), np.uint8)
    ids[:, 600:] = 1
    assert np.flatnonzero((overlay(frame, ids, "both", 0.5)[300] == 255).all(axis=1)).tolist() == [
        598, 599, 600, 601,
    ]  # fmt: skip


def test_what_is_shown_follows_the_settings(tmp_path):
    made = masked_video(tmp_path, "one")
    video, tracks = Video.load(made.video.frames), None

    def ids(**settings):
        shown = PictureSettings(**settings)
        return VideoResults(video, made.video.masks, tracks, shown).object_ids(0)

    np.testing.assert_array_equal(ids(), made.levels["objects"][0])
    np.testing.assert_array_equal(ids(level="parts"), made.levels["parts"][0])
    np.testing.assert_array_equal(ids(level="foreground"), made.levels["foreground"][0])
    first = np.where(made.levels["objects"][0] == 2, 255, made.levels["objects"][0])
    np.testing.assert_array_equal(ids(most_objects=1), first)
    # The first objects keep their colours, however many are shown.
    assert (ids(most_objects=1)[made.levels["objects"][0] == 1] == 1).all()


def sounding(tmp_path, count=6, stamps=None, seconds=0.8):
    film, _ = moving_square(count, 60, 100)
    return write_sounding_clip(tmp_path / "film.mp4", film, stamps, sound=tone(seconds))


def test_the_overlay_of_a_film_has_its_times_and_its_sound(tmp_path):
    stamps = [0, 2, 3, 5, 6, 7]
    film = sounding(tmp_path, stamps=stamps)
    times = [stamp / 10 for stamp in stamps]
    made = make_video(tmp_path, scene(), source=film, times=times, seconds=0.8)
    draw_pictures(*made, tmp_path / "pictures")
    _, shown, sound, begins = read_clip(tmp_path / "pictures" / "overlay.mp4")
    assert shown == pytest.approx(times)
    _, _, before, start = read_clip(film)
    assert begins == pytest.approx(start)
    np.testing.assert_array_equal(sound, before)


def test_sound_may_be_switched_off(tmp_path):
    made = make_video(tmp_path, scene(), source=sounding(tmp_path))
    draw_pictures(*made, tmp_path / "pictures", PictureSettings(sound=False))
    with av.open(str(tmp_path / "pictures" / "overlay.mp4")) as container:
        assert not container.streams.audio


def test_sound_that_cannot_be_used_is_left_out_and_it_is_said(tmp_path, capsys):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film")
    made = make_video(tmp_path, scene(), source=film)
    draw_pictures(*made, tmp_path / "pictures")
    with av.open(str(tmp_path / "pictures" / "overlay.mp4")) as container:
        assert not container.streams.audio
    assert f"'toy' is without the sound of {film}: Invalid data" in capsys.readouterr().err


@pytest.mark.slow
def test_the_program_takes_settings_and_another_look_draws_again(tmp_path):
    frames, objects, tracks = make_video(tmp_path, scene(3))
    command = [sys.executable, str(SCRIPTS / "draw_pictures.py")]
    for name, path in (("frames", frames), ("objects", objects), ("tracks", tracks)):
        command += [f"--{name}", str(record_of(tmp_path / f"{name}.json", {"toy": path}))]
    command += ["--record", str(tmp_path / "record.json"), "--output-folder", str(tmp_path / "out")]
    settings = {"style": "outline", "level": "foreground", "opacity": 1, "most_objects": None}
    sheets = []
    for told in ({}, settings):
        subprocess.run([*command, "--settings", json.dumps(told)], check=True)
        sheets.append((tmp_path / "out" / "toy" / "sheet.png").read_bytes())
    assert sheets[0] != sheets[1]
    wrong = [*command, "--settings", '{"style": "dotted"}']
    done = subprocess.run(wrong, capture_output=True, text=True)
    assert done.returncode == 1 and "style: must be one of" in done.stderr


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


@pytest.mark.parametrize(("level", "shown"), [("objects", {0, 3}), ("foreground", {0, 1})])
def test_the_truth_on_the_sheet_is_of_what_is_shown(tmp_path, monkeypatch, level, shown):
    """Single objects beside objects, and the merged truth beside the foreground."""
    single = tmp_path / "single.png"
    save_palette_png(single, np.full(SIZE, 3, np.uint8) * (np.arange(SIZE[1]) > 50))
    frames, objects, _ = make_video(tmp_path, scene(3)[:1], instances=[str(single)])
    drawn = []
    monkeypatch.setattr(pictures, "overlay", lambda frame, ids, *_: drawn.append(ids) or frame)
    own = PictureSettings(level=level)
    contact_sheet(VideoResults(Video.load(frames), objects.parent, None, own))
    assert set(np.unique(drawn[0])) == shown


def test_no_truth_and_one_frame(tmp_path):
    made = make_video(tmp_path, scene(3)[:1], truth=False)
    draw_pictures(*made, tmp_path / "pictures")
    with Image.open(tmp_path / "pictures" / "sheet.png") as sheet:
        assert sheet.width == 72 + 244 and sheet.height == 40 + 3 * 149


def test_the_name_on_the_sheet_is_in_letters_and_not_in_boxes(tmp_path):
    """A Mac has accents apart; where letters are lacking, the name is that of paths."""
    made = make_video(tmp_path, scene(3)[:1], truth=False)

    def name_on_the_sheet(title):
        facts = json.loads(made[0].read_text())
        made[0].write_text(json.dumps(facts | {"name": title}))
        draw_pictures(*made, tmp_path / "pictures")
        with Image.open(tmp_path / "pictures" / "sheet.png") as sheet:
            return sheet.crop((0, 0, sheet.width, 20)).tobytes()

    one, lacking = name_on_the_sheet("\u00e9\n\u0416"), name_on_the_sheet("\u65e5\u672c")
    assert one == name_on_the_sheet("e\u0301 \u0416")
    assert one not in {name_on_the_sheet("e \u0416"), name_on_the_sheet("\u00e8 \u0416"), lacking}
    assert lacking == name_on_the_sheet("\ud800") == name_on_the_sheet("toy")


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
