import subprocess
import sys
import threading
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

import export_attention as program
from betrayed.block import export
from betrayed.block.block import SpatioTemporalBlock
from betrayed.block.export import (
    begin_attention,
    check_features,
    export_attention,
)
from betrayed.block.loading import load_block
from betrayed.block.rows import attention_rows
from betrayed.engine.batches import ReadsAhead, Task
from betrayed.engine.parallel import overlapped
from betrayed.engine.records import Record
from betrayed.errors import UserError
from betrayed.io import files
from betrayed.io.artefacts import create, open_checked, provenance
from betrayed.io.files import sha256
from betrayed.io.row_reading import holds_rows
from support.blocks import new_block
from support.paths import SCRIPTS
from support.records import record_of
from support.tf32 import TF32

MADE_BY = {
    "video": "toy",
    "backbone": "vit",
    "weights_sha256": "0" * 64,
    "facet": "token",
    "layer": -1,
    "views": 0,
}


TRAINED_ON = {name: MADE_BY[name] for name in ("backbone", "weights_sha256", "facet", "layer")}


@pytest.fixture
def block(tmp_path):
    """A block of width 8 with two heads, as training leaves it."""
    torch.manual_seed(0)
    module = new_block(8, heads=2)
    stored = {"model_state_dict": module.state_dict(), "settings": {}, "features": TRAINED_ON}
    torch.save(stored | {"step": 7, "dim": 8, "heads": 2}, tmp_path / "block.pt")
    return tmp_path / "block.pt"


def write_features(path, tokens, **changes):
    with create(path, "features", MADE_BY | changes) as file:
        where = file.create_group("view0") if changes.get("views") else file
        where["patch_tokens"] = tokens.astype("f2")
        file.attrs.update(grid=(2, 3), frame_size=(28, 43), count=len(tokens))


def test_attention_rows_by_hand():
    draw = np.random.default_rng(0)
    queries = draw.normal(size=(3, 2, 4))
    keys = draw.normal(size=(2, 2, 5, 4))
    rows = attention_rows(torch.from_numpy(queries), torch.from_numpy(keys))
    assert (rows.shape, rows.dtype) == ((3, 10), torch.float32)
    for token in range(3):
        expected = np.zeros(10)
        for head in range(2):
            flat = np.concatenate([keys[0, head], keys[1, head]])
            weights = np.exp(flat @ queries[token, head] / 2)
            expected += weights / weights.sum() / 2
        np.testing.assert_allclose(rows[token], expected, atol=1e-6)


def test_export(tmp_path, block):
    tokens = np.random.default_rng(1).normal(size=(4, 6, 8)).astype("f2")
    write_features(tmp_path / "f.h5", tokens)
    export_attention(tmp_path / "f.h5", block, tmp_path / "a.h5", torch.device("cpu"))
    with open_checked(tmp_path / "a.h5", "attention", {"backbone": "vit", "block_step": 7}) as file:
        queries, keys = file["queries"][:], file["keys"][:]
        assert queries.dtype == keys.dtype == np.float16
        with torch.inference_mode():
            expected = load_block(block)[0].queries_keys(torch.from_numpy(tokens).float())
        assert queries.shape == (4, 2, 6, 4)
        np.testing.assert_allclose(queries, expected[0], atol=2e-3)
        np.testing.assert_allclose(keys, expected[1], atol=2e-3)
        assert list(file.attrs["grid"]) == [2, 3] and file.attrs["count"] == 4
        assert list(file.attrs["frame_size"]) == [28, 43]
        assert len(provenance(file)["block_sha256"]) == 64


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_frames_at_a_time_change_only_the_rounding(tmp_path, block, batch_size):
    tokens = np.random.default_rng(1).normal(size=(7, 6, 8)).astype("f2")
    write_features(tmp_path / "f.h5", tokens)
    export_attention(tmp_path / "f.h5", block, tmp_path / "a.h5", torch.device("cpu"), batch_size)
    module, _ = load_block(block)
    with open_checked(tmp_path / "a.h5", "attention") as file:
        for frame in range(7):
            with torch.inference_mode():
                one = torch.from_numpy(tokens[frame : frame + 1]).float()
                expected = module.queries_keys(one)
            for name, factor in zip(("queries", "keys"), expected, strict=True):
                found = file[name][frame]
                np.testing.assert_array_max_ulp(found, factor[0].half().numpy(), maxulp=1)


def test_chunks_that_a_gpu_makes_hold_the_same(tmp_path, block, monkeypatch):
    write_features(tmp_path / "f.h5", np.random.default_rng(1).normal(size=(5, 5000, 8)))
    cpu = torch.device("cpu")
    export_attention(tmp_path / "f.h5", block, tmp_path / "a.h5", cpu, 2)
    makes_chunks = "betrayed.block.export.makes_chunks"
    monkeypatch.setattr(makes_chunks, lambda device, dataset: holds_rows(dataset))
    export_attention(tmp_path / "f.h5", block, tmp_path / "b.h5", cpu, 2)
    with (
        open_checked(tmp_path / "a.h5", "attention") as plain,
        open_checked(tmp_path / "b.h5", "attention") as chunks,
    ):
        for name in ("queries", "keys"):
            assert holds_rows(chunks[name])
            np.testing.assert_array_equal(chunks[name][:], plain[name][:])


@pytest.mark.parametrize("room", [0, 1, 3])
def test_a_batch_that_does_not_fit_is_halved(tmp_path, block, room, monkeypatch, capsys):
    tokens = np.random.default_rng(1).normal(size=(7, 6, 8)).astype("f2")
    write_features(tmp_path / "f.h5", tokens)
    given = (tmp_path / "f.h5", block, tmp_path / "a.h5", torch.device("cpu"))
    plain = SpatioTemporalBlock.queries_keys

    def limited(self, some):
        if len(some) > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return plain(self, some)

    with monkeypatch.context() as patch:
        patch.setattr(SpatioTemporalBlock, "queries_keys", limited)
        if not room:
            with pytest.raises(UserError, match=r"one frame \(attention of toy\).*device: cpu"):
                export_attention(*given)
            assert not (tmp_path / "a.h5").exists()
            return
        export_attention(*given)
    assert f"at a time (attention of toy): going on with {min(room, 2)}." in capsys.readouterr().err
    with open_checked(tmp_path / "a.h5", "attention") as file, torch.inference_mode():
        expected = load_block(block)[0].queries_keys(torch.from_numpy(tokens).float())
        np.testing.assert_allclose(file["keys"][:], expected[1], atol=2e-3)


def test_a_file_reaches_the_disk_while_the_next_video_is_computed(tmp_path, block, monkeypatch):
    draw, cpu = np.random.default_rng(1), torch.device("cpu")
    for name in "abc":
        write_features(tmp_path / f"{name}.h5", draw.normal(size=(5, 6, 8)), video=name)
        export_attention(tmp_path / f"{name}.h5", block, tmp_path / f"{name}-alone.h5", cpu, 2)
    plain, sync = SpatioTemporalBlock.queries_keys, files._sync
    computed, third, syncing = [], threading.Event(), set()

    def queries_keys(self, some):
        computed.append(threading.current_thread())
        if len(computed) == 7:  # the third video; each has 5 frames, 2 at a time
            assert not list((tmp_path / "out").glob("[!.]*"))
            third.set()
        return plain(self, some)

    def slow(path):
        assert third.wait(60)
        syncing.add(threading.current_thread())
        sync(path)

    monkeypatch.setattr(SpatioTemporalBlock, "queries_keys", queries_keys)
    monkeypatch.setattr(files, "_sync", slow)
    torch.set_float32_matmul_precision("high")
    try:
        ends = overlapped(
            lambda name: begin_attention(
                tmp_path / f"{name}.h5", block, tmp_path / "out" / f"{name}.h5", cpu, 2
            ),
            lambda _, given: given()(),
            "abc",
        )
        assert list(ends) == [None] * 3
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert set(computed) == {threading.current_thread()} and len(computed) == 9
    assert len(syncing) == 2 and threading.current_thread() not in syncing
    for name in "abc":
        assert sha256(tmp_path / "out" / f"{name}.h5") == sha256(tmp_path / f"{name}-alone.h5")


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_the_program_leaves_beginning_and_end_to_others_where_a_gpu_computes(kind, monkeypatch):
    monkeypatch.setattr(program, "take_device", lambda arguments: torch.device(kind))
    monkeypatch.setattr(export, "begin_attention", lambda *given: given)
    work = program._prepare(Namespace(block="block.pt", batch_size=None))
    assert isinstance(work, ReadsAhead) == (kind == "cuda")
    do = work.read if kind == "cuda" else work
    *_, ahead = do(Task("bear", {"features": Path("f.h5")}, (Path("x.h5"),)))
    assert ahead == (2**27 if kind == "cuda" else 0)


@pytest.mark.parametrize("fits", [True, False])
def test_features_are_read_before_it_is_the_videos_turn(fits, tmp_path, block):
    tokens, cpu = np.random.default_rng(1).normal(size=(5, 6, 8)), torch.device("cpu")
    write_features(tmp_path / "f.h5", tokens)
    export_attention(tmp_path / "f.h5", block, tmp_path / "expected.h5", cpu, 2)
    given = block, tmp_path / "a.h5", cpu, 2, 2 * tokens.size - (not fits)
    compute = begin_attention(tmp_path / "f.h5", *given)
    assert not (tmp_path / "a.h5").exists()
    if fits:
        (tmp_path / "f.h5").unlink()
    compute()()
    assert sha256(tmp_path / "a.h5") == sha256(tmp_path / "expected.h5")
    tokens[3, 1, 2] = np.nan
    write_features(tmp_path / "f.h5", tokens)
    with pytest.raises(UserError, match="no finite numbers"):
        begin_attention(tmp_path / "f.h5", *given)()


def test_products_are_exact(tmp_path, block):
    write_features(tmp_path / "f.h5", np.random.default_rng(1).normal(size=(3, 6, 8)))
    torch.set_float32_matmul_precision("high")
    try:
        with TF32() as emulated:
            export_attention(tmp_path / "f.h5", block, tmp_path / "a.h5", torch.device("cpu"))
        assert emulated.products == 0
    finally:
        torch.set_float32_matmul_precision("highest")


def test_batches_of_nothing_are_refused(tmp_path, block):
    write_features(tmp_path / "f.h5", np.zeros((2, 6, 8)))
    with pytest.raises(UserError, match="batch size must be 1 or more"):
        export_attention(tmp_path / "f.h5", block, tmp_path / "a.h5", torch.device("cpu"), 0)
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.slow
def test_the_program(tmp_path, block):
    """Videos of a batch, one of which has features of another backbone."""
    draw = np.random.default_rng(1)
    paths = {}
    for name, count in (("bear", 5), ("cat", 2), ("other", 3)):
        changes = {"facet": "key"} if name == "other" else {}
        paths[name] = tmp_path / f"{name}.h5"
        write_features(paths[name], draw.normal(size=(count, 6, 8)), **changes)
    record = record_of(tmp_path / "features.json", paths)
    command = [sys.executable, SCRIPTS / "export_attention.py", "--features", record]
    command += ["--block", block, "--output-folder", tmp_path / "out", "--threads", "1"]
    command += ["--record", tmp_path / "record.json", "--device", "cpu", "--batch-size", "2"]
    subprocess.run(command, check=True, capture_output=True)
    made = Record.read(tmp_path / "record.json")
    assert set(made.videos) == {"bear", "cat"} and set(made.failures) == {"other"}
    assert "facet = 'key'" in made.failures["other"].reason
    for name, count in (("bear", 5), ("cat", 2)):
        export_attention(paths[name], block, tmp_path / "here.h5", torch.device("cpu"), 2)
        with (
            open_checked(tmp_path / "out" / f"{name}.h5", "attention") as file,
            open_checked(tmp_path / "here.h5", "attention") as here,
        ):
            assert file["keys"].shape == (count, 2, 6, 4) and np.abs(file["keys"][-1]).max() > 0
            np.testing.assert_array_equal(file["keys"], here["keys"])
    # Another block makes the same videos anew.
    module = torch.load(block, weights_only=True)
    torch.save(module, block.with_name("again.pt"), _use_new_zipfile_serialization=False)
    command[command.index(block)] = block.with_name("again.pt")
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "3 to compute, 0 up to date" in done.stderr
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "1 to compute, 2 up to date" in done.stderr


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"facet": "key"}, "facet = 'key'"),
        ({"weights_sha256": "1" * 64}, "weights_sha256"),
        ({"views": 2}, "augmented views"),
    ],
)
def test_refuses_other_features(tmp_path, block, changes, says):
    write_features(tmp_path / "f.h5", np.zeros((2, 6, 8)), **changes)
    with pytest.raises(UserError, match=says):
        export_attention(tmp_path / "f.h5", block, tmp_path / "a.h5", torch.device("cpu"))
    assert not (tmp_path / "a.h5").exists()


def test_refuses_another_width(tmp_path, block):
    write_features(tmp_path / "f.h5", np.zeros((2, 6, 12)))
    with pytest.raises(UserError, match="width 12"):
        export_attention(tmp_path / "f.h5", block, tmp_path / "a.h5", torch.device("cpu"))


def test_release_blocks_do_not_say_their_features():
    check_features("f.h5", MADE_BY, "release.pth", {})
