"""One video by every protocol, through files and the program."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from betrayed.config.reading import read_settings
from betrayed.config.scoring import DEFAULT_PROTOCOLS, ScoreSettings
from betrayed.engine.records import Record
from betrayed.errors import UserError
from betrayed.io.palette import save_palette_png
from betrayed.objects.masks import read_masks
from betrayed.scoring.partition import read_partition
from betrayed.scoring.protocols import score_arrays, score_video
from betrayed.video.annotations import read_annotations
from betrayed.video.video import Video
from support.paths import SCRIPTS
from support.records import record_of
from support.tiny_scene import tracks_file

PROGRAM = SCRIPTS / "score_video.py"

# Two objects on 4 × 6 pixels, three frames; tokens are 2 × 2 pixels.
TRUTH = np.array([[[1, 1, 0, 0, 2, 2]] * 4] * 3, np.uint8)
TOKENS = np.array([[[3, 0, 1]] * 2] * 3, np.int32)


def write_video(folder, annotations, instances=None, kind="ids"):
    """A video whose annotations are (T, H, W) arrays; frames are never read here."""
    record = {
        "video": "clip",
        "count": len(annotations),
        "height": annotations.shape[1],
        "width": annotations.shape[2],
        "fps": None,
        "source": "clip",
        "frames": [f"{index:05d}.jpg" for index in range(len(annotations))],
        "annotation_kind": kind,
        "annotated_frames": len(annotations),
        "objects": int(annotations.max()),
    }
    for name, ids in [("annotations", annotations), ("instances", instances)]:
        record[name] = None
        if ids is not None:
            record[name] = write_masks(folder / name, ids)
    (folder / "frames.json").write_text(json.dumps(record))
    return Video.load(folder / "frames.json")


def write_masks(folder, ids):
    folder.mkdir(parents=True)
    paths = [folder / f"{index:05d}.png" for index in range(len(ids))]
    for path, image in zip(paths, ids, strict=True):
        save_palette_png(path, image)
    return [str(path) for path in paths]


@pytest.fixture
def clip(tmp_path):
    """Video, masks folder and tracks, all perfect."""
    video = write_video(tmp_path, TRUTH)
    write_masks(tmp_path / "masks" / "proposals", TRUTH)
    write_masks(tmp_path / "masks" / "foreground", (TRUTH > 0) * np.uint8(255))
    return video, tmp_path / "masks", tracks_file(tmp_path / "tracks.h5", TOKENS, (4, 6))


def value(table, protocol, metric, number=None, frame=None):
    rows = table[(table["protocol"] == protocol) & (table["metric"] == metric)]
    for column, wanted in [("object", number), ("frame", frame)]:
        rows = rows[rows[column].isna() if wanted is None else rows[column] == wanted]
    assert len(rows) == 1
    return rows["value"].item()


def test_perfect_masks(clip):
    table = score_video(*clip, ScoreSettings())
    assert list(table.columns) == ["protocol", "object", "frame", "metric", "value"]
    assert not table.duplicated(["protocol", "object", "frame", "metric"]).any()
    assert set(table["protocol"]) == set(DEFAULT_PROTOCOLS)
    for protocol in ("davis2016", "davis2017-sequence", "davis2017-frame"):
        assert value(table, protocol, "J&F") == 1
    # One proposal covers half of the merged foreground.
    assert value(table, "davis2016-track", "J_mean") == 0.5
    assert value(table, "davis2017-sequence", "J_mean", 2) == 1
    # The background is one segment of the proposals as of the tracks.
    assert value(table, "video-object", "FG-ARI") == 1
    assert value(table, "video-object", "mIoU") == value(table, "video-object", "mIoU", 2) == 1
    assert value(table, "video-object-clip", "FG-ARI") == 1
    assert value(table, "video-object-clip", "mBO") == 1
    # Six figures for each object and seven for the video; two of a partition, one for each object.
    counts = table[table["frame"].isna()].groupby("protocol").size().to_dict()
    assert counts == {
        "davis2016": 7,
        "davis2016-track": 7,
        "davis2017-frame": 19,
        "davis2017-sequence": 19,
        "video-object": 4,
        "video-object-clip": 2,
    }
    # In each of three frames J and F of the foreground or of each object; FG-ARI.
    counts = table[table["frame"].notna()].groupby("protocol").size().to_dict()
    assert counts == {
        "davis2016": 6,
        "davis2016-track": 6,
        "davis2017-frame": 12,
        "davis2017-sequence": 12,
        "video-object": 3,
    }
    assert value(table, "davis2017-sequence", "J", 2, frame=1) == 1
    assert value(table, "davis2016-track", "J", frame=2) == 0.5


def test_figures_of_frames(clip):
    # In frame 1 the proposals change objects: that costs J of both where identity is measured.
    video, masks, tracks = clip
    save_palette_png(masks / "proposals" / "00001.png", np.array([0, 2, 1])[TRUTH[1]])
    table = score_video(video, masks, tracks, ScoreSettings())
    for frame, expected in enumerate([1, 0, 1]):
        assert value(table, "davis2017-sequence", "J", 1, frame) == expected
        assert value(table, "davis2017-frame", "J", 1, frame) == 1
    assert value(table, "davis2017-sequence", "J_mean", 1) == pytest.approx(2 / 3)


def test_video_figures_are_means_over_objects(clip):
    video, masks, tracks = clip
    for path in (masks / "proposals").iterdir():
        save_palette_png(path, np.where(TRUTH[0] == 2, 0, TRUTH[0]))
    table = score_video(video, masks, tracks, ScoreSettings())
    assert value(table, "davis2017-sequence", "J_mean") == 0.5
    assert value(table, "davis2017-sequence", "F_mean") == 0.5
    assert value(table, "davis2017-sequence", "J&F") == 0.5


@pytest.fixture
def halved(clip):
    """Proposals with the first object alone, and tracks with the second one alone."""
    video, masks, tracks = clip
    for path in (masks / "proposals").iterdir():
        save_palette_png(path, np.where(TRUTH[0] == 1, 1, 0).astype(np.uint8))
    return video, masks, tracks_file(tracks.with_name("second.h5"), (TOKENS == 1) * 1, (4, 6))


OBJECT_PROTOCOLS = ("video-object", "video-object-clip", "tracks-object", "tracks-object-clip")


def by_object(table, protocol):
    return [value(table, protocol, "mIoU", number) for number in (1, 2)]


def test_objects_are_scored_as_proposals_and_tracks_by_protocols_of_their_own(halved):
    table = score_video(*halved, ScoreSettings(OBJECT_PROTOCOLS))
    # The other object shares its segment with as many pixels of background: 8 of 16.
    assert by_object(table, "video-object") == [1, 0.5]
    assert by_object(table, "tracks-object") == [0.5, 1]
    for protocol in ("video-object-clip", "tracks-object-clip"):
        assert value(table, protocol, "mBO") == 0.75
    assert set(DEFAULT_PROTOCOLS) & set(OBJECT_PROTOCOLS) == {"video-object", "video-object-clip"}


def test_the_papers_partition_is_that_of_the_tracks(halved):
    settings = ScoreSettings(OBJECT_PROTOCOLS, partition="tracks")
    table = score_video(*halved, settings)
    assert by_object(table, "video-object") == by_object(table, "tracks-object") == [0.5, 1]
    # Proposals are not even looked for.
    for path in (halved[1] / "proposals").iterdir():
        path.unlink()
    assert score_video(*halved, settings).equals(table)


def test_tracks_are_not_read_where_they_are_not_scored(clip):
    video, masks, _ = clip
    table = score_video(video, masks, "nowhere.h5", ScoreSettings())
    assert value(table, "video-object", "FG-ARI") == 1
    with pytest.raises(UserError, match=r"nowhere\.h5 does not exist"):
        score_video(video, masks, "nowhere.h5", ScoreSettings(("tracks-object",)))


def test_parts_take_the_place_of_objects(clip):
    video, masks, tracks = clip
    for path in (masks / "proposals").iterdir():
        save_palette_png(path, (TRUTH[0] > 0).astype(np.uint8))  # one object of two parts
    write_masks(masks / "parts", TRUTH)
    columns = "proposal,part,part_of,track,score"
    (masks / "objects.csv").write_text(f"{columns}\n1,,,,1\n0,1,1,,1\n0,2,1,,1\n")
    protocols = ("davis2017-sequence", "video-object")
    for level, figure in (("objects", 0.25), ("parts", 1)):
        table = score_video(video, masks, tracks, ScoreSettings(protocols, level=level))
        assert value(table, "davis2017-sequence", "J_mean") == figure
        # A single proposal is matched with one of the objects alone.
        assert sum(by_object(table, "video-object")) == 2 * figure


def test_instances_are_preferred_for_objects(tmp_path, clip):
    _, masks, tracks = clip
    (tmp_path / "other").mkdir()
    foreground = (TRUTH > 0) * np.uint8(255)
    video = write_video(tmp_path / "other", foreground, TRUTH, kind="foreground")
    table = score_video(video, masks, tracks, ScoreSettings())
    assert value(table, "davis2016", "J_mean") == 1
    assert value(table, "davis2017-sequence", "J_mean", 2) == 1


def test_without_annotations_there_is_nothing_to_score(clip):
    video, masks, tracks = clip
    record = {name: getattr(video, name) for name in video.__dataclass_fields__}
    bare = Video(**record | {"annotations": None})
    assert read_annotations(bare, "annotations")[0] == []
    assert score_video(bare, masks, tracks, ScoreSettings()).empty


def test_frames_without_annotation_are_left_out(clip):
    video, masks, tracks = clip
    video = dataclasses.replace(
        video, annotations=(video.annotations[0], None, *video.annotations[2:])
    )
    for name in ("proposals", "foreground"):  # not even looked for
        (masks / name / "00001.png").unlink()
    assert read_annotations(video, "annotations")[0] == [0, 2]
    table = score_video(video, masks, tracks, ScoreSettings())
    assert value(table, "davis2016", "J&F") == 1
    assert set(table["frame"].dropna()) == {0, 2}


def test_tokens_at_the_size_of_the_frame(tmp_path):
    # Five pixels over two tokens: centres .5, 1.5, 2.5, 3.5, 4.5 times 2/5 = .2, .6, 1, 1.4, 1.8.
    video = write_video(tmp_path, np.zeros((1, 3, 5), np.uint8))
    path = tracks_file(tmp_path / "tracks.h5", np.array([[[300, 7]]]), (4, 6))
    np.testing.assert_array_equal(read_partition(path, video, [0]), [[[300, 300, 7, 7, 7]] * 3])


def test_missing_mask_is_named(clip):
    video, masks, _ = clip
    (masks / "proposals" / "00002.png").unlink()
    with pytest.raises(UserError, match=r"proposals/00002\.png is missing"):
        read_masks(masks / "proposals", video, [0, 1, 2])


def test_mask_of_another_size_is_named(clip):
    video, masks, _ = clip
    save_palette_png(masks / "foreground" / "00001.png", np.zeros((4, 7), np.uint8))
    with pytest.raises(UserError, match=r"foreground/00001\.png is 7x4, .* are 6x4"):
        read_masks(masks / "foreground", video, [0, 1, 2])


def test_tracks_of_another_length_are_named(tmp_path, clip):
    path = tracks_file(tmp_path / "short.h5", TOKENS[:2], (4, 6))
    with pytest.raises(UserError, match=r"short\.h5 holds tracks of 2 frames, but 'clip' has 3"):
        read_partition(path, clip[0], [0])


def test_of_more_proposals_than_a_protocol_takes_the_first_are_scored(clip):
    """Both protocols are right about the first object; the second has no proposal any more."""
    both = ("davis2017-sequence", "davis2017-frame", "video-object")
    table = score_video(*clip, ScoreSettings(both, max_proposals=1))  # the paper's has its own
    assert value(table, "davis2017-sequence", "J_mean", 1) == 1
    assert value(table, "davis2017-sequence", "J_mean", 2) == 0
    assert value(table, "davis2017-frame", "J&F") == 1
    assert by_object(table, "video-object") == [1, 1]  # the partition is whole
    table = score_video(*clip, ScoreSettings(both, paper_max_proposals=1))
    assert value(table, "davis2017-sequence", "J&F") == 1
    assert value(table, "davis2017-frame", "J_mean") == 0.5


def test_more_proposals_than_an_image_holds():
    masks = TRUTH.astype(np.uint16) * 130  # ids 130 and 260
    table = score_arrays(TRUTH, proposals=masks, settings=ScoreSettings(("davis2017-frame",)))
    assert value(table, "davis2017-frame", "J&F") == 1
    with pytest.raises(UserError, match="There are 260 proposals"):
        score_arrays(TRUTH, proposals=masks, settings=ScoreSettings(("davis2017-sequence",)))


def test_stability_is_of_the_foreground_and_asked_for():
    masks = np.zeros((3, 30, 40), np.uint8)
    masks[:, 5:25, 5:30] = 255
    masks[2, 5:25, 5:20] = 0
    settings = ScoreSettings(("davis2016-stability",))
    table = score_arrays(masks > 0, foreground=masks, frames=[4, 5, 6], settings=settings)
    assert table["frame"].dropna().tolist() == [5, 6]  # the first has none before it
    assert value(table, "davis2016-stability", "T", frame=5) == 0
    changed = value(table, "davis2016-stability", "T", frame=6)
    assert value(table, "davis2016-stability", "T_mean") == changed / 2 > 0


def test_what_is_not_given_is_named():
    with pytest.raises(UserError, match="video-object scores partition, but there are none"):
        score_arrays(TRUTH, settings=ScoreSettings(("video-object",)))


def test_settings():
    assert ScoreSettings().protocols == DEFAULT_PROTOCOLS
    for wrong in ('{"level": "tracks"}', '{"partition": "parts"}'):
        with pytest.raises(UserError):
            read_settings(ScoreSettings, wrong)
    settings = read_settings(ScoreSettings, '{"protocols": ["davis2016"], "max_proposals": 3}')
    assert settings == ScoreSettings(("davis2016",), 3)
    with pytest.raises(UserError, match=r"protocols.0: must be one of .* did you mean 'davis2016'"):
        read_settings(ScoreSettings, '{"protocols": ["davis2018"]}')


@pytest.mark.slow
def test_program(tmp_path, clip):
    _, masks, tracks = clip
    output, record = tmp_path / "scores" / "clip.csv", tmp_path / "record.json"
    (masks / "objects.csv").write_text("proposal,score\n1,1\n2,1\n3,1\n")
    inputs = {"frames": tmp_path / "frames.json", "objects": masks / "objects.csv"}
    command = [sys.executable, PROGRAM, "--record", record, "--output-folder", output.parent]
    for name, path in (inputs | {"tracks": tracks}).items():
        command += [f"--{name}", record_of(tmp_path / f"{name}-record.json", {"clip": path})]
    command += ["--settings", '{"protocols": ["davis2017-sequence", "video-object"]}']
    subprocess.run(command, check=True, capture_output=True)
    table = pd.read_csv(output)
    assert list(table.columns) == ["protocol", "object", "frame", "metric", "value"]
    assert set(table["protocol"]) == {"davis2017-sequence", "video-object"}
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(masks / "proposals" / "00000.png")
    done = subprocess.run([*command, "--redo", "1"], capture_output=True, text=True, check=True)
    assert "error: clip is left out: The mask" in done.stderr
    assert Record.read(record).failures["clip"].reason.startswith("The mask")
    assert not output.exists()


def test_more_parts_than_are_allowed_are_left_out(clip):
    """An object of many parts must not end the scoring: what is beyond has no id, as if cut."""
    video, masks, tracks = clip
    for path in (masks / "proposals").iterdir():
        save_palette_png(path, np.ones((4, 6), np.uint8))
    write_masks(masks / "parts", np.arange(1, 25, dtype=np.uint8).reshape(1, 4, 6).repeat(3, 0))
    rows = [f"0,{part},1,,1" for part in range(1, 25)]
    text = "\n".join(["proposal,part,part_of,track,score", "1,,,,1", *rows])
    (masks / "objects.csv").write_text(text + "\n")
    table = score_video(video, masks, tracks, ScoreSettings(level="parts"))
    # A pixel of the eight of each object.
    assert value(table, "davis2017-sequence", "J_mean") == 1 / 8
    assert value(table, "davis2017-frame", "J_mean") == 1 / 8
