import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from betrayed.config.datasets import DatasetSettings
from betrayed.datasets.listing import list_videos, missing_paths
from betrayed.datasets.readers.fbms import Label, read_description
from betrayed.errors import UserError
from betrayed.video.annotations import read_annotation, read_annotations
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.dataset_copies import fbms59


def settings(root, split="Testset", **more) -> DatasetSettings:
    return DatasetSettings("fbms", str(root), "GroundTruth", split=split, **more)


def extracted(row, folder) -> Video:
    extract(row["video"], row["source"], folder, annotations=row["annotations"], layout="fbms")
    return Video.load(folder / "frames.json")


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("split", ["Testset", "Trainingset"])
def test_labelled_frames_have_their_regions_and_the_others_nothing(tmp_path, split):
    """Coloured and grey regions, a colour of no region, frames that count from 454."""
    truths = fbms59(tmp_path / "FBMS")
    rows = list_videos(settings(tmp_path / "FBMS", split))
    videos = {"Testset": ["camel01", "tennis"], "Trainingset": ["bear01"]}[split]
    assert [row["video"] for row in rows] == videos
    for row in rows:
        video = extracted(row, tmp_path / "out" / row["video"])
        assert (video.count, video.annotated_frames, video.objects) == (10, 2, 2)
        for index in range(10):
            if (truth := truths[row["video"]].get(index)) is None:
                assert read_annotation(video, index) is None
            else:
                np.testing.assert_array_equal(read_annotation(video, index), truth)
                assert set(np.unique(truth)) == {0, 1, 2}
        numbers, ids = read_annotations(video, "annotations")
        assert numbers == [0, 6]
        assert ids.shape == (2, 84, 154)


def test_a_description_read_line_by_line(tmp_path):
    fbms59(tmp_path)
    colours, labels = read_description(tmp_path / "Testset/tennis/GroundTruth/tennisDef.dat")
    assert colours == (0, 150, 80)
    assert labels == (
        Label(0, "tennis454.pgm", "tennis454.pgm"),
        Label(6, "tennis460.pgm", "tennis460.pgm"),
    )


def test_a_frame_under_another_name_is_found_by_its_number(tmp_path):
    truths = fbms59(tmp_path / "FBMS")
    description = tmp_path / "FBMS/Testset/camel01/GroundTruth/camel01Def.dat"
    change(description, "Input file name:\ncamel01_0007.ppm", "Input file name:\nold_007.ppm")
    video = extracted(list_videos(settings(tmp_path / "FBMS"))[0], tmp_path / "out")
    np.testing.assert_array_equal(read_annotation(video, 6), truths["camel01"][6])
    change(description, "Frame number:\n6", "Frame number:\n10")
    with pytest.raises(UserError, match=r"old_007\.ppm \(number 10\), which is none of the 10"):
        extracted(list_videos(settings(tmp_path / "FBMS"))[0], tmp_path / "out")


def test_images_may_have_another_suffix_than_the_description_says(tmp_path):
    truths = fbms59(tmp_path / "FBMS")
    label = tmp_path / "FBMS/Testset/tennis/GroundTruth/tennis460.pgm"
    with Image.open(label) as image:
        image.save(label.with_suffix(".png"))
    label.unlink()
    video = extracted(list_videos(settings(tmp_path / "FBMS"))[1], tmp_path / "out")
    np.testing.assert_array_equal(read_annotation(video, 6), truths["tennis"][6])
    label.with_suffix(".png").unlink()
    with pytest.raises(UserError, match=r"tennis460\.pgm is missing"):
        extracted(list_videos(settings(tmp_path / "FBMS"))[1], tmp_path / "again")
    label.write_bytes(b"P5 154 84 255 cut")
    with pytest.raises(UserError, match=r"tennis460\.pgm cannot be read"):
        extracted(list_videos(settings(tmp_path / "FBMS"))[1], tmp_path / "again")
    Image.fromarray(np.zeros((42, 77), np.uint8)).save(label)
    with pytest.raises(UserError, match=r"is 77x42, but the frames of 'tennis' are 154x84"):
        extracted(list_videos(settings(tmp_path / "FBMS"))[1], tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA"])
def test_regions_are_the_same_however_a_png_holds_their_colours(tmp_path, mode):
    truths = fbms59(tmp_path / "FBMS")
    for number, (video, label) in enumerate(
        (("camel01", "camel01_0007_gt"), ("tennis", "tennis460"))
    ):
        (path,) = (tmp_path / "FBMS/Testset" / video / "GroundTruth").glob(f"{label}.p?m")
        with Image.open(path) as image:
            # Its palette has the colours, of which the pixels are places in no order of them.
            held = image.convert("RGB").convert(mode, palette=Image.Palette.ADAPTIVE, colors=8)
            held.save(path.with_suffix(".png"))
        path.unlink()
        row = list_videos(settings(tmp_path / "FBMS"))[number]
        truth = read_annotation(extracted(row, tmp_path / "out" / video), 6)
        np.testing.assert_array_equal(truth, truths[video][6])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Total number of regions:\n3", "", "is not in list"),
        ("Total number of regions:\n3", "Total number of regions:\nthree", "invalid literal"),
        ("Total number of regions:\n3", "Total number of regions:\n4", "describes 3 of 4 regions"),
        ("Input file name:\nbear01_0007.ppm", "", "and 1 labelled frames, the last one in part"),
    ],
)
def test_damaged_descriptions_are_refused(tmp_path, old, new, message):
    fbms59(tmp_path)
    description = tmp_path / "Trainingset/bear01/GroundTruth/bear01Def.dat"
    change(description, old, new)
    with pytest.raises(UserError, match=message):
        read_description(description)


def test_what_is_missing_of_a_download_is_named(tmp_path):
    fbms59(tmp_path)
    assert missing_paths(settings(tmp_path)) == []
    assert missing_paths(settings(tmp_path, "Validation")) == [tmp_path / "Validation"]
    (tmp_path / "Testset/tennis/GroundTruth/tennisDef.dat").unlink()
    with pytest.raises(UserError, match=r"GroundTruth has no files \*Def\.dat"):
        extracted(list_videos(settings(tmp_path))[1], tmp_path / "out")
    truth = tmp_path / "Testset" / "tennis" / "GroundTruth"
    shutil.rmtree(truth)
    assert missing_paths(settings(tmp_path)) == [truth]
    with pytest.raises(UserError, match=r"missing: .*tennis/GroundTruth\. Complete"):
        list_videos(settings(tmp_path))
    assert len(list_videos(settings(tmp_path, videos=("camel01",)))) == 1
    without = DatasetSettings("fbms", str(tmp_path), split="Testset")
    assert [row["annotations"] for row in list_videos(without)] == ["", ""]
    with pytest.raises(UserError, match="needs the folders Trainingset and Testset"):
        list_videos(settings(tmp_path, "Validation"))
    (tmp_path / "Empty").mkdir()
    with pytest.raises(UserError, match="Empty holds no video"):
        list_videos(settings(tmp_path, "Empty"))
