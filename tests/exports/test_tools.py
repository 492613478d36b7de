"""Exports for other tools: read back by the tools' own readers where these are installed.

Beside supervision, pycocotools and tifffile, which are, there are tests by datumaro, napari and
FiftyOne: these want other versions than the locked ones, so they run in an environment of their own
and are skipped elsewhere; docs/exports.md says what was seen.
"""

import base64
import csv
import json
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile
from PIL import Image
from pycocotools.coco import COCO

from betrayed.config.exports import SERVERS, TENSORBOARD, TOOLS, ExportSettings
from betrayed.config.reading import read_settings
from betrayed.datasets.manifest import COLUMNS, write_manifest
from betrayed.errors import UserError
from betrayed.exports.arrays import read_detections
from betrayed.exports.coco import export_coco
from betrayed.exports.cutouts import MARGIN, cut_out, export_films, export_pngs
from betrayed.exports.fiftyone_samples import export_fiftyone
from betrayed.exports.forms import FORMS
from betrayed.exports.label_stacks import centres, export_napari
from betrayed.exports.mots import export_mots
from betrayed.exports.videos import numbers_in
from support.browsers import browser
from support.masked_videos import SIZE, cut_to, masked_video
from support.paths import SCRIPTS
from support.records import record_of

PROGRAM = SCRIPTS / "export_masks.py"
LEVELS = ["objects", "parts", "foreground", "proposals"]


@pytest.fixture
def made(tmp_path):
    return [masked_video(tmp_path, "clip-a"), masked_video(tmp_path, "clip-b", 3, seed=1)]


def at(made, level, most=None):
    return [one.video.at(level, most) for one in made]


# COCO


@pytest.mark.parametrize("level", LEVELS)
def test_coco_by_pycocotools_pixel_for_pixel(tmp_path, made, level):
    export_coco(at(made, level), tmp_path / "out")
    for one in made:
        name = one.video.video.name
        coco = COCO(tmp_path / "out" / "videos" / f"{name}.json")
        assert [image["file_name"] for image in coco.dataset["images"]] == [
            path.name for path in one.video.video.frames
        ]
        np.testing.assert_array_equal(drawn(coco, coco.dataset["images"]), one.levels[level])


def drawn(coco, images):
    """The tracks of some images as ids (T, H, W); pixels that two claim are an error."""
    ids = np.zeros((len(images), *SIZE), int)
    for place, image in enumerate(images):
        for one in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            mask = coco.annToMask(one).astype(bool)
            assert not ids[place][mask].any()
            ids[place][mask] = one["track_id"]
            y, x = np.nonzero(mask)
            box = [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
            assert (one["bbox"], one["area"]) == (box, mask.sum())
    return ids


def test_all_videos_in_one_file_have_tracks_of_their_own(tmp_path, made):
    export_coco(at(made, "objects"), tmp_path / "out", workers=2)
    coco = COCO(tmp_path / "out" / "all.json")
    images = coco.dataset["images"]
    assert [one["name"] for one in coco.dataset["videos"]] == ["clip-a", "clip-b"]
    assert [one["file_name"] for one in images][3:5] == ["clip-a/00003.png", "clip-b/00000.png"]
    assert [(one["video_id"], one["frame_id"]) for one in images][3:5] == [(1, 3), (2, 0)]
    ids = drawn(coco, images)
    np.testing.assert_array_equal(ids[:4], made[0].levels["objects"])
    second = made[1].levels["objects"].astype(int)
    np.testing.assert_array_equal(ids[4:], np.where(second > 0, second + 2, 0))
    identifiers = [one["id"] for one in coco.dataset["annotations"]]
    assert identifiers == [*range(1, len(identifiers) + 1)]


def test_an_annotation_says_its_track_and_its_score(tmp_path, made):
    export_coco(at(made, "objects"), tmp_path / "out")
    content = json.loads((tmp_path / "out" / "videos" / "clip-a.json").read_text())
    assert content["categories"] == [{"id": 1, "name": "object", "supercategory": ""}]
    first = content["annotations"][0]
    assert (first["track_id"], first["score"], first["category_id"]) == (1, 0.9, 1)
    # What CVAT makes a track of; see docs/exports.md.
    assert first["attributes"] == {"track_id": 1, "keyframe": True, "occluded": False}
    assert [one["track_id"] for one in content["annotations"] if one["image_id"] == 2] == [1]


@pytest.mark.parametrize("file", ["videos/clip-a.json", "all.json"])
def test_coco_by_datumaro(tmp_path, made, file):
    dm = pytest.importorskip("datumaro", reason="datumaro wants other versions than the locked")
    export_coco(at(made, "objects"), tmp_path / "out")
    target = tmp_path / "in" / "annotations" / "instances_default.json"
    target.parent.mkdir(parents=True)
    target.write_bytes((tmp_path / "out" / file).read_bytes())
    # Datumaro wants the images beside them.
    name = "." if file == "videos/clip-a.json" else "clip-a"
    shutil.copytree(made[0].video.frames.parent, tmp_path / "in" / "images" / "default" / name)
    found = {item.id: item for item in dm.Dataset.import_from(str(tmp_path / "in"), "coco")}
    prefix = "clip-a/" if file == "all.json" else ""
    for index, expected in enumerate(made[0].levels["objects"]):
        ids = np.zeros(SIZE, int)
        masks = [
            one
            for one in found[f"{prefix}{index:05d}"].annotations
            if one.type == dm.AnnotationType.mask  # and a box of each
        ]
        for each in masks:
            ids[each.image.astype(bool)] = each.attributes["track_id"]
            assert each.attributes["keyframe"] is True
        np.testing.assert_array_equal(ids, expected)


# MOTS


@pytest.mark.parametrize("level", LEVELS)
def test_mots_pngs_hold_class_and_track(tmp_path, made, level):
    export_mots(at(made, level), tmp_path / "out", workers=2)
    for one in made:
        masks = tmp_path / "out" / one.video.video.name / "instances"
        for index, expected in enumerate(one.levels[level]):
            with Image.open(masks / f"{index:05d}.png") as image:
                assert image.mode == "I;16"
                ids = np.array(image).astype(int)
            np.testing.assert_array_equal(ids % 1000, expected)
            np.testing.assert_array_equal(ids // 1000, expected > 0)
    name = {"parts": "part", "foreground": "foreground"}.get(level, "object")
    assert (masks / "labels.txt").read_text() == f"{name}\n"


def test_a_videos_archive_has_the_layout_that_cvat_takes(tmp_path, made):
    export_mots(at(made, "objects"), tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out" / "clip-b.zip") as archive:
        names = archive.namelist()
        png = archive.read("clip-b/instances/00002.png")
    frames = [f"clip-b/instances/{index:05d}.png" for index in range(3)]
    assert names == [*frames, "clip-b/instances/labels.txt"]
    assert png == (tmp_path / "out" / "clip-b" / "instances" / "00002.png").read_bytes()


def test_mots_by_datumaro(tmp_path, made):
    dm = pytest.importorskip("datumaro", reason="datumaro wants other versions than the locked")
    export_mots(at(made, "objects"), tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out" / "clip-a.zip") as archive:
        archive.extractall(tmp_path / "in")
    dataset = dm.Dataset.import_from(str(tmp_path / "in"), "mots")
    found = {item.id: item for item in dataset}
    labels = [one.name for one in dataset.categories()[dm.AnnotationType.label]]
    assert labels == ["object"]
    for index, expected in enumerate(made[0].levels["objects"]):
        ids = np.zeros(SIZE, int)
        for each in found[f"{index:05d}"].annotations:
            assert each.label == 0
            ids[each.image.astype(bool)] = each.attributes["track_id"]
        np.testing.assert_array_equal(ids, expected)


# napari


@pytest.mark.parametrize("level", LEVELS)
def test_label_stacks_by_tifffile(tmp_path, made, level):
    export_napari(at(made, level), tmp_path / "out", workers=2)
    for one in made:
        path = tmp_path / "out" / f"{one.video.video.name}.tif"
        stack = tifffile.imread(path)
        assert stack.dtype == np.uint8
        np.testing.assert_array_equal(stack, one.levels[level])
        with tifffile.TiffFile(path) as file:
            assert file.series[0].axes == "TYX"
            assert not file.is_bigtiff


def test_tracks_are_the_centres_of_what_is_seen(tmp_path, made):
    export_napari(at(made, "objects"), tmp_path / "out")
    with open(tmp_path / "out" / "clip-a-tracks.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["track_id"], row["t"]) for row in rows] == [
        *(("1", str(t)) for t in range(4)),
        *(("2", str(t)) for t in (0, 2, 3)),
    ]
    for row in rows:
        mask = made[0].levels["objects"][int(row["t"])] == int(row["track_id"])
        y, x = np.argwhere(mask).mean(axis=0)
        assert (float(row["y"]), float(row["x"])) == (
            pytest.approx(y, abs=6e-4),
            pytest.approx(x, abs=6e-4),
        )


def test_a_centre_by_hand():
    """Pixels (0, 1), (0, 2), (3, 0) of 5."""
    ids = np.array([[0, 5, 5], [0, 0, 0], [0, 0, 0], [5, 0, 9]], np.uint8)
    assert centres(ids) == {5: (1.0, 1.0), 9: (3.0, 2.0)}


def test_what_napari_makes_of_both(tmp_path, made):
    pytest.importorskip("napari", reason="napari is not installed")
    from napari.layers import Labels, Tracks
    from napari_builtins.io import napari_get_reader

    export_napari(at(made, "objects"), tmp_path / "out")
    path = str(tmp_path / "out" / "clip-a.tif")
    ((stack, *_),) = napari_get_reader(path)(path)
    layer = Labels(stack)
    np.testing.assert_array_equal(np.asarray(layer.data), made[0].levels["objects"])
    table = np.loadtxt(tmp_path / "out" / "clip-a-tracks.csv", delimiter=",", skiprows=1)
    tracks = Tracks(table)
    assert len(tracks.data) == 7 and set(tracks.data[:, 0]) == {1, 2}


# supervision


@pytest.mark.parametrize("level", LEVELS)
def test_arrays_as_supervision_takes_them(made, level):
    sv = pytest.importorskip("supervision")
    for one in made:
        arrays = list(read_detections(one.video.frames, one.video.masks, level))
        assert len(arrays) == len(one.frames)
        for found, expected in zip(arrays, one.levels[level], strict=True):
            detections = sv.Detections(**found)
            ids = np.zeros(SIZE, int)
            for mask, track in zip(detections.mask, detections.tracker_id, strict=True):
                ids[mask] = track
            np.testing.assert_array_equal(ids, expected)
            boxes = sv.mask_to_xyxy(found["mask"], coordinate_convention="exclusive")
            np.testing.assert_array_equal(detections.xyxy, boxes)


def test_scores_and_absence_in_arrays(made):
    arrays = list(read_detections(made[0].video.frames, made[0].video.masks, "objects"))
    assert arrays[0]["confidence"].tolist() == pytest.approx([0.9, 0.5])
    assert arrays[1]["tracker_id"].tolist() == [1]  # the second is absent from frame 1
    alone = list(read_detections(made[0].video.frames, made[0].video.masks, "parts", most=3))
    assert alone[0]["tracker_id"].tolist() == [1, 2, 3]
    assert alone[0]["confidence"].tolist() == pytest.approx([0.8, 0.7, 0.6])
    empty = np.zeros((4, *SIZE), np.uint8)
    assert numbers_in(empty[0]) == []


def test_a_frame_without_objects_gives_empty_arrays(made):
    from betrayed.exports.arrays import detections

    found = detections(np.zeros(SIZE, np.uint8), {1: 0.9})
    assert {name: array.shape for name, array in found.items()} == {
        "xyxy": (0, 4),
        "mask": (0, *SIZE),
        "confidence": (0,),
        "class_id": (0,),
        "tracker_id": (0,),
    }


# FiftyOne


@pytest.mark.parametrize("level", LEVELS)
def test_fiftyones_samples_say_where_frames_and_masks_lie(tmp_path, made, level):
    out = tmp_path / "deep" / "out"
    export_fiftyone(at(made, level), out, workers=2)
    content = json.loads((out / "samples.json").read_text())
    assert [one["video"] for one in content["videos"]] == ["clip-a", "clip-b"]
    for one, told in zip(made, content["videos"], strict=True):
        for index, frame in enumerate(told["frames"]):
            image = np.array(Image.open(out / frame["image"]))
            np.testing.assert_array_equal(image, one.frames[index])
            ids = np.array(Image.open(out / frame["mask"]))
            np.testing.assert_array_equal(ids, one.levels[level][index])
            assert set(numbers_in(ids)) <= {int(number) for number in told["scores"]}
    compile((out / "make_dataset.py").read_text(), "make_dataset.py", "exec")


@pytest.mark.slow
def test_the_script_makes_a_dataset_by_fiftyone(tmp_path, made, monkeypatch):
    if not find_spec("fiftyone"):  # it runs in processes of its own
        pytest.skip("FiftyOne is not installed")
    export_fiftyone(at(made, "objects"), tmp_path / "out")
    # A database of its own, which goes with the test.
    monkeypatch.setenv("FIFTYONE_DATABASE_DIR", str(tmp_path / "database"))
    monkeypatch.setenv("FIFTYONE_DATABASE_VALIDATION", "false")
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "true")
    check = tmp_path / "check.py"
    check.write_text(
        "import json, sys\n"
        "import fiftyone as fo, numpy as np\n"
        "view = fo.load_dataset('masks')\n"
        "assert len(view.load_saved_view('videos')) == 2\n"
        "for sample in view:\n"
        "    ids = np.zeros((33, 47), int)\n"
        "    for one in sample.objects.detections:\n"
        "        image = one.to_segmentation(frame_size=(47, 33), target=one.index).mask\n"
        "        ids[image > 0] = one.index\n"
        "    np.save(f'{sys.argv[1]}/{sample.video}-{sample.frame_number - 1}.npy', ids)\n"
    )
    run = [sys.executable, str(tmp_path / "out" / "make_dataset.py"), "--name", "masks"]
    told = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    assert "masks: 7 frames of 2 videos" in told
    again = subprocess.run(run, capture_output=True, text=True)
    assert again.returncode == 2 and "there is a dataset 'masks'" in again.stderr
    subprocess.run([sys.executable, str(check), str(tmp_path)], check=True)
    for one in made:
        for index, expected in enumerate(one.levels["objects"]):
            found = np.load(tmp_path / f"{one.video.video.name}-{index}.npy")
            np.testing.assert_array_equal(found, expected)


# Cut-outs


def test_a_cut_out_by_hand():
    frame = np.full((5, 5, 3), 7, np.uint8)
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True
    plain, wide = cut_out(frame, mask), cut_out(frame, mask, around=1)
    assert plain[2, 2].tolist() == [7, 7, 7, 255] and plain.sum() == 276
    assert wide[1, 1].tolist() == [7, 7, 7, 0] and wide[0, 0].tolist() == [0, 0, 0, 0]
    assert (wide[..., 3] == plain[..., 3]).all()


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("objects", {"object-01": 1, "object-02": 2}),
        ("parts", {f"part-{n:02d}": n for n in range(1, 5)}),
        ("foreground", {"foreground": 1}),
    ],
)
def test_cut_outs_as_pngs(tmp_path, made, level, names):
    export_pngs(at(made, level), tmp_path / "out", workers=2)
    for one in made:
        own = tmp_path / "out" / one.video.video.name
        assert {path.name for path in own.iterdir()} == set(names)
        for name, number in names.items():
            for index, frame in enumerate(one.frames):
                picture = np.array(Image.open(own / name / f"{index:05d}.png"))
                mask = one.levels[level][index] == number
                np.testing.assert_array_equal(picture[..., 3], mask * 255)
                np.testing.assert_array_equal(picture[..., :3], frame * mask[..., None])


def alpha_film(path):
    """The frames of a film with alpha (T, H, W, 4), and its stream's facts."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        facts = stream.codec_context.name, stream.average_rate, stream.codec_context.profile
        if path.suffix == ".mov":
            frames = list(container.decode(stream))
        else:  # FFmpeg's own decoder of VP9 leaves alpha out
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            frames = [one for packet in container.demux(stream) for one in decoder.decode(packet)]
    return np.stack([frame.to_ndarray(format="rgba") for frame in frames]), facts


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_cut_outs_as_films_keep_alpha(tmp_path, made, suffix):
    export_films(at(made, "objects"), tmp_path / "out", 2, suffix)
    for one in made:
        for number in (1, 2):
            path = tmp_path / "out" / one.video.video.name / f"object-{number:02d}{suffix}"
            film, (codec, rate, profile) = alpha_film(path)
            assert (codec, rate) == ({".mov": "prores", ".webm": "vp9"}[suffix], 12.5)
            mask = one.levels["objects"] == number
            assert film.shape == (*mask.shape, 4)
            if suffix == ".mov":
                assert profile == "4444"
                np.testing.assert_array_equal(film[..., 3], mask * 255)
            else:  # VP9 codes alpha as a picture: edges may be off by a pixel
                wrong = ((film[..., 3] > 127) != mask).mean()
                assert wrong < 0.01


# What a page shows of a film's first picture, as numbers row by row: its alpha.
_SHOWN = """
const [source, done] = arguments;
const video = document.createElement('video');
video.muted = true;
video.onerror = () => done(video.error.message);
video.requestVideoFrameCallback(() => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  done(Array.from(data).filter((_, index) => index % 4 == 3));
});
video.src = source;
video.play();
"""


@pytest.mark.browser
def test_a_browser_shows_alpha(tmp_path, made):
    """Chromium, from a page; alpha of VP9 is a picture, and edges may be off by a pixel."""
    export_films(at(made, "objects"), tmp_path / "out", suffix=".webm")
    film = (tmp_path / "out" / "clip-a" / "object-01.webm").read_bytes()
    source = f"data:video/webm;base64,{base64.b64encode(film).decode()}"
    with browser(tmp_path / "profile") as driver:
        driver.set_script_timeout(30)
        driver.get("data:text/html,<title>film</title>")
        alpha = driver.execute_async_script(_SHOWN, source)
    assert not isinstance(alpha, str), alpha
    alpha = np.array(alpha).reshape(SIZE)
    mask = made[0].levels["objects"][0] == 1
    assert ((alpha > 127) != mask).mean() < 0.01
    assert alpha[mask].mean() > 240 and alpha[~mask].mean() < 10


def test_a_films_colours_stay_at_the_edge_and_are_gone_far_away(tmp_path):
    made = masked_video(tmp_path, "flat", 2)
    for path in made.video.video.frames:
        Image.fromarray(np.full((*SIZE, 3), (200, 90, 40), np.uint8)).save(path)
    export_films([made.video], tmp_path / "out")
    film, _ = alpha_film(tmp_path / "out" / "flat" / "object-01.mov")
    inside = film[..., 3] == 255
    # ProRes of a flat picture loses next to nothing: without the margin the edge would be dark.
    assert np.abs(film[inside][:, :3].astype(int) - (200, 90, 40)).max() <= 4
    assert film[0, :, 24 + MARGIN + 4 :, :3].max() <= 12


# What all have in common


def test_forms_are_those_that_settings_name():
    assert set(FORMS) == {*SERVERS, *TOOLS}
    with pytest.raises(UserError, match=r"--settings: formats.* must be one of 'davis', "):
        read_settings(ExportSettings, '{"formats": ["cocoa"]}')
    everything = [*SERVERS, *TOOLS, TENSORBOARD]
    settings = read_settings(ExportSettings, json.dumps({"formats": everything}))
    assert settings.formats == tuple(everything)


@pytest.mark.parametrize("form", TOOLS)
def test_a_missing_mask_is_named_and_no_folder_looks_finished(tmp_path, made, form):
    (made[1].video.masks / "proposals" / "00002.png").unlink()
    with pytest.raises(UserError, match=r"clip-b/proposals/00002\.png is missing"):
        FORMS[form](at(made, "objects"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


@pytest.mark.parametrize("form", TOOLS)
def test_equal_masks_give_equal_files(tmp_path, made, form):
    for name in ("one", "two"):
        FORMS[form](at(made, "objects"), tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert files
    for file in files:
        first, second = ((tmp_path / name / file) for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes(), file


@pytest.mark.slow
def test_the_program_takes_the_level_and_how_many(tmp_path, made):
    names = [one.video.video.name for one in made]
    empty = dict.fromkeys(COLUMNS, "")
    write_manifest(tmp_path / "videos.csv", [{**empty, "video": name} for name in names])
    records = {}
    for kind, artefact in (("frames", "frames.json"), ("masks", "objects.csv")):
        artefacts = {name: tmp_path / kind / name / artefact for name in names}
        records[kind] = record_of(tmp_path / f"{kind}.json", artefacts)
    out = tmp_path / "out"
    options = {"form": "napari", "manifest": tmp_path / "videos.csv", **records}
    options |= {"level": "parts", "most": 3, "output": out}
    command = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    subprocess.run([sys.executable, str(PROGRAM), *command], check=True)
    expected = made[1].levels["parts"].copy()
    expected[expected > 3] = 0
    np.testing.assert_array_equal(tifffile.imread(Path(out) / "clip-b.tif"), expected)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_films_of_a_pixel_or_two_are_exported(tmp_path, size):
    made = cut_to(masked_video(tmp_path, "clip"), *size)
    for form in FORMS:
        if form != "youtube_vis":  # that is for videos of its own layout
            FORMS[form]([made.video], tmp_path / form)
    stack = tifffile.imread(tmp_path / "napari" / "clip.tif")
    np.testing.assert_array_equal(stack, made.levels["objects"])
    coco = COCO(tmp_path / "coco" / "videos" / "clip.json")
    images = coco.dataset["images"]
    found = np.zeros((len(images), *size), np.uint8)
    for index, image in enumerate(images):
        for one in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            found[index][coco.annToMask(one).astype(bool)] = one["track_id"]
    np.testing.assert_array_equal(found, made.levels["objects"])
