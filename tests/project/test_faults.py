"""Every artefact with values that cannot be meant is refused by name where it is read."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from PIL import Image

from betrayed.block.block import OUTPUT_DROPOUTS, SpatioTemporalBlock
from betrayed.block.export import export_attention
from betrayed.block.loading import load_block
from betrayed.clustering.tracking import cluster_video
from betrayed.clustering.tracks import read_tracks
from betrayed.config.clustering import ClusterSettings
from betrayed.errors import UserError
from betrayed.features.reading import read_clip
from betrayed.features.weights import content_sha256, read_weights
from betrayed.features.whole_video import read_class_attention, read_patch_tokens
from betrayed.io.artefacts import create
from betrayed.objects.masks import read_proposals
from betrayed.objects.motion import read_motion
from betrayed.objects.trajectories import read_trajectories
from betrayed.reporting.measurements import RANGES, read_measurements
from betrayed.reporting.object_colours import object_ids
from betrayed.reporting.pictures import draw_pictures
from betrayed.training.checkpoints import fitting_checkpoint, save_checkpoint
from betrayed.video.video import Video
from support.paths import ROOT
from support.tiny_results import tiny_video

REMEDY = "Delete it and run the workflow again"
GRID, COUNT, DIM = (2, 3), 4, 4


def whole():
    """What artefacts of each kind hold."""
    tokens = np.random.default_rng(0).normal(size=(COUNT, 6, DIM)).astype(np.float16)
    return {
        "features": {
            "patch_tokens": tokens,
            "class_tokens": tokens[:, 0].copy(),
            "class_attention": np.full((COUNT, 6), 0.1, np.float16),
        },
        "attention": {"queries": tokens[:, None].copy(), "keys": tokens[:, None].copy()},
        "motion": {"residual": np.ones((COUNT, *GRID), np.float16)},
        "tracks": {
            "labels": np.arange(COUNT * 6).reshape(COUNT, *GRID) % 3,
            "merges": np.array([[0, 1, 0.5, 2], [2, 3, 0.7, 3]]),
        },
        "trajectories": {
            "id": np.array([0, 1, 0, 1, 0]),
            "frame": np.array([0, 0, 1, 1, 3]),
            "y": np.ones(5, np.float32),
            "x": np.ones(5, np.float32),
        },
    }


def artefact(path, kind, changes=()):
    """Write it, with (data set, place, value) changed, all of it under good checksums."""
    values = whole()[kind]
    for name, place, value in changes:
        values[name][place] = value
    with create(path, kind, {"video": "toy", "views": 0}) as file:
        for name, held in values.items():
            file[name] = held
        file.attrs.update(grid=GRID, frame_size=(20, 30), count=COUNT)
    return path


def cluster(path):
    cluster_video(path, path.with_name("made.h5"), ClusterSettings())


def export(path):
    block = path.with_name("block.pt")
    block_file(block)
    export_attention(path, block, path.with_name("made.h5"), torch.device("cpu"))


READERS = {
    "patch tokens": ("features", read_patch_tokens),
    "class attention": ("features", read_class_attention),
    "clips": ("features", lambda path: read_clip(path, range(COUNT))),
    "export": ("features", export),
    "clustering": ("attention", cluster),
    "motion": ("motion", lambda path: read_motion(path, GRID)),
    "tracks": ("tracks", read_tracks),
    "trajectories": ("trajectories", read_trajectories),
}
BAD = [
    ("patch tokens", "patch_tokens", (1, 2, 3), np.nan, "no finite numbers"),
    ("class attention", "class_attention", (1, 2), np.inf, "no finite numbers"),
    ("clips", "patch_tokens", (1, 2, 3), np.nan, "no finite numbers"),
    ("clips", "class_tokens", (3, 0), np.inf, "no finite numbers"),
    ("export", "patch_tokens", (3, 0, 0), np.nan, "no finite numbers"),
    ("clustering", "queries", (3, 0, 0, 0), np.nan, "no finite numbers"),
    ("clustering", "keys", (0, 0, 1, 0), -np.inf, "no finite numbers"),
    ("motion", "residual", (2, 1, 1), np.nan, "no finite numbers"),
    ("motion", "residual", (2, 1, 1), -1, "below 0"),
    ("tracks", "labels", (1, 1, 1), 3, r"must lie within 0…2"),
    ("tracks", "labels", (1, 1, 1), -1, r"must lie within 0…2"),
    ("tracks", "merges", (1, 2), np.nan, "no finite numbers"),
    ("tracks", "merges", (0, 1), 3, "names tracks that do not exist"),
    ("trajectories", "x", 2, np.nan, "no finite numbers"),
    ("trajectories", "frame", 2, 4, "must rise to 3"),
    ("trajectories", "frame", 4, 9, "must rise to 3"),
    ("trajectories", "frame", 0, -1, "must rise to 3"),
    ("trajectories", "id", 0, -7, "numbers below 0"),
]


@pytest.mark.parametrize("reader", READERS)
def test_what_is_good_is_read(reader, tmp_path):
    kind, read = READERS[reader]
    read(artefact(tmp_path / "a.h5", kind))


@pytest.mark.parametrize(("reader", "name", "place", "value", "told"), BAD)
def test_a_bad_value_is_told_by_file_and_data_set(reader, name, place, value, told, tmp_path):
    kind, read = READERS[reader]
    path = artefact(tmp_path / "a.h5", kind, [(name, place, value)])
    with pytest.raises(UserError, match=rf"a\.h5 cannot be used: .*{told}.*{REMEDY}") as caught:
        read(path)
    assert name in str(caught.value)
    assert not (tmp_path / "made.h5").exists()


@pytest.mark.parametrize("reader", READERS)
def test_every_byte_of_an_artefact_counts_where_it_is_read(reader, tmp_path):
    """Flip bits all over the file: it is refused by name, or read as it was."""
    kind, read = READERS[reader]
    made = artefact(tmp_path / "whole.h5", kind).read_bytes()
    path, refused = tmp_path / "hurt.h5", 0
    for place in range(5, len(made), max(1, len(made) // 25)):
        hurt = bytearray(made)
        hurt[place] ^= 4
        path.write_bytes(hurt)
        try:
            read(path)
        except UserError as error:
            refused += str(path) in str(error) and "Delete it" in str(error)
    assert refused > 5


def block_file(path, change=lambda block: None):
    torch.manual_seed(0)
    block = SpatioTemporalBlock(DIM, 1, 2.0, 0.0, 0.0, OUTPUT_DROPOUTS[0])
    with torch.no_grad():
        change(block)
    info = {"settings": {}, "features": {}, "step": 3, "dim": DIM, "heads": 1}
    save_checkpoint(path, block, info)


def test_a_block_with_values_that_are_not_finite_is_refused(tmp_path):
    def diverge(block):
        block.norm1.weight[2] = np.nan

    block_file(tmp_path / "block.pt", diverge)
    with pytest.raises(UserError, match=r"block\.pt holds values in norm1\.weight that are no fin"):
        load_block(tmp_path / "block.pt")


@pytest.mark.parametrize("size", [1, 512])
def test_no_fault_of_the_disk_changes_a_block(tmp_path, size):
    path = tmp_path / "block.pt"
    block_file(path)
    expected, info = load_block(path)
    made, refused = path.read_bytes(), 0
    for place in range(0, len(made), 37 if size == 1 else 128):
        hurt = bytearray(made)
        hurt[place : place + size] = bytes(
            byte ^ 8 if size == 1 else 0 for byte in hurt[place : place + size]
        )
        path.write_bytes(hurt)
        try:
            found, facts = load_block(path)
        except UserError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert facts == info
            for name, value in expected.state_dict().items():
                assert torch.equal(found.state_dict()[name], value), (place, name)
    assert refused > 30


def test_training_starts_anew_from_a_damaged_checkpoint(tmp_path, capsys):
    path = tmp_path / "checkpoint.pt"
    block = SpatioTemporalBlock(DIM, 1, 2.0, 0.0, 0.0, OUTPUT_DROPOUTS[0])
    rest = {"signature": "s", "precision": "float32", "optimizer": {}, "log": []}
    save_checkpoint(path, block, rest)
    assert fitting_checkpoint(path, "s", "float32") is not None
    made = bytearray(path.read_bytes())
    weights = made.index(block.norm1.weight.detach().numpy().tobytes())
    made[weights + 2] ^= 1
    path.write_bytes(made)
    assert fitting_checkpoint(path, "s", "float32") is None
    assert "checkpoint.pt is damaged and is left aside" in capsys.readouterr().err


def test_no_fault_of_the_disk_changes_weights(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "w.safetensors"
    note = {"title": "t", "backbone": "vit", "source": "file", "source_sha256": None}
    state = {"a": torch.arange(600.0), "b": torch.ones(20, 3, dtype=torch.float16)}
    text = json.dumps(note | {"content_sha256": content_sha256(note, state)})
    save_file(state, path, metadata={"weights": text})
    assert torch.equal(read_weights(path, "vit")["a"], state["a"])
    made = path.read_bytes()
    for place in range(0, len(made), 7):
        for size in (1, 64):
            hurt = bytearray(made)
            hurt[place] ^= 1
            if size > 1:
                hurt[place : place + size] = bytes(len(hurt[place : place + size]))
            path.write_bytes(hurt)
            if hurt == made:
                continue
            try:
                found = read_weights(path, "vit")
            except UserError as error:
                assert str(path) in str(error)
            else:
                assert found.keys() == state.keys()
                assert all(torch.equal(found[name], state[name]) for name in state), place


def test_a_mask_with_an_id_that_the_table_lacks_is_refused(tmp_path):
    paths = tiny_video(tmp_path)
    video, folder = Video.load(paths["frames"]), tmp_path / "masks"
    assert read_proposals(folder, video, [0, 1]).max() > 0
    table = folder / "objects.csv"
    lines = table.read_text().splitlines()
    place = lines[0].split(",").index("proposal")
    kept = [line for line in lines if line.split(",")[place] != "1"]
    assert len(kept) < len(lines)
    table.write_text("\n".join(kept) + "\n")
    with pytest.raises(UserError, match=r"masks: proposal 1 is in the masks, but not in objects"):
        read_proposals(folder, video, [0, 1])


@pytest.mark.parametrize("kinds", [["proposals"], ["proposals", "foreground"]])
def test_masks_of_another_size_are_told_where_they_are_drawn(kinds, tmp_path):
    paths = tiny_video(tmp_path)
    for kind in kinds:
        path = tmp_path / "masks" / kind / "00002.png"
        with Image.open(path) as image:
            image.crop((0, 0, 70, 40)).save(path)
    with pytest.raises(UserError, match=r"70x40.*Delete .*masks and run the workflow again"):
        draw_pictures(paths["frames"], paths["objects"], paths["tracks"], tmp_path / "drawn")
    with pytest.raises(UserError, match=r"70x40") if len(kinds) == 1 else nullcontext():
        object_ids(tmp_path / "masks", 2)  # which knows no frames
    assert not list((tmp_path / "drawn").glob("*"))


@pytest.mark.parametrize(
    ("metric", "value", "good"),
    [
        ("J", 9.9, False),
        ("J&F", -0.1, False),
        ("J_decay", -0.4, True),
        ("J_decay", -1.1, False),
        ("FG-ARI", 1.01, False),
        ("AP", 1.0, True),
        ("T_mean", 4.9, True),
        ("of_another", 9.9, True),
    ],
)
def test_a_score_that_its_metric_cannot_have_is_refused(metric, value, good, tmp_path):
    path = tmp_path / "bear.csv"
    path.write_text(f"protocol,object,frame,metric,value\ndavis2016,,,{metric},{value}\n")
    source = {"run": "default", "dataset": "toys", "video": "bear", "path": str(path)}
    if good:
        assert read_measurements([source])["value"].tolist() == [value]
    else:
        with pytest.raises(UserError, match=rf"bear\.csv has values .* line 2: {metric} = {value}"):
            read_measurements([source])


def test_the_ranges_are_those_of_the_page_on_tables():
    ranges = {}
    for line in (ROOT / "docs/tables.md").read_text().split("## Metrics")[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            ends = (-1, 1) if cells[2].startswith("at most 1") else cells[2].split(" to ")
            names = [name.strip(" `") for name in cells[0].split(",")]
            ranges |= dict.fromkeys(names, tuple(float(end) for end in ends))
    assert ranges == RANGES
