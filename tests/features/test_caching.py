"""The feature cache: its content, its provenance, and what its readers refuse."""

import dataclasses
import errno
import json
import shutil
import subprocess
import sys
import threading
from argparse import Namespace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import timm
import torch
from PIL import Image

import cache_features as program
from betrayed.engine.batches import ReadsAhead, Task
from betrayed.engine.parallel import overlapped
from betrayed.engine.records import Record
from betrayed.errors import ShortageError, UserError
from betrayed.features import caching
from betrayed.features.augmentation import augment, draw_view
from betrayed.features.backbone import Backbone, resize_frames
from betrayed.features.caching import (
    DATASETS,
    FeatureSettings,
    begin_features,
    cache_features,
    default_batch_size,
    write_features,
)
from betrayed.features.reading import common_provenance, describe, read_clip
from betrayed.features.vit import create_vit
from betrayed.features.weight_fetching import WeightsSettings, fetch_weights
from betrayed.features.whole_video import read_class_attention
from betrayed.io import files
from betrayed.io.artefacts import open_checked
from betrayed.io.files import sha256
from betrayed.io.row_reading import holds_rows
from betrayed.video.extraction import extract
from betrayed.video.video import Video
from support.paths import SCRIPTS
from support.records import record_of

NAME = "vit_tiny_patch16_224.augreg_in21k"  # small, for what is not about the backbone
PLAIN = FeatureSettings(NAME, 32, 48, layer=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def weights(folder) -> Path:
    torch.manual_seed(0)
    torch.save(create_vit(NAME).state_dict(), folder / "random.pth")
    settings = WeightsSettings(NAME, "file", str(folder / "random.pth"))
    fetch_weights(settings, folder / "weights.safetensors")
    return folder / "weights.safetensors"


@pytest.fixture(scope="module")
def video(folder) -> Video:
    draw = np.random.default_rng(0)
    (folder / "images").mkdir()
    for index in range(5):
        pixels = draw.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{index:05d}.png")
    extract("bear", folder / "images", folder / "bear")
    return Video.load(folder / "bear" / "frames.json")


@pytest.fixture(scope="module")
def plain(folder, weights, video) -> Path:
    cache_features(video, PLAIN, weights, folder / "plain.h5", batch_size=2)
    return folder / "plain.h5"


def test_the_file_holds_what_the_backbone_gives(plain, weights, video):
    backbone = Backbone(NAME, weights, layer=0)
    images = backbone.normalise(resize_frames([video.frame(i) for i in range(5)], 32, 48))
    patches, classes, attention = backbone.extract(images)
    found = read_clip(plain, range(5))
    torch.testing.assert_close(found[0], patches, rtol=1e-3, atol=1e-4)  # kept as float16
    torch.testing.assert_close(found[1], classes, rtol=1e-3, atol=1e-4)
    assert patches.std() > 0.1
    expected = attention.numpy().reshape(5, 2, 3)
    np.testing.assert_allclose(read_class_attention(plain), expected, rtol=1e-3, atol=1e-4)
    with h5py.File(plain) as file:
        assert file["patch_tokens"].dtype == file["class_tokens"].dtype == np.float16


@pytest.mark.parametrize("views", [0, 2])
def test_reading_ahead_changes_no_bit(views, folder, weights, video, tmp_path):
    settings = FeatureSettings(NAME, 32, 48, layer=0, views=views, seed=3)
    cache_features(video, settings, weights, tmp_path / "bear.h5", batch_size=2)
    backbone = Backbone(NAME, weights, layer=0)
    with open_checked(tmp_path / "bear.h5", "features") as file:
        for frames in ([0, 1], [2, 3], [4]):
            images = resize_frames([video.frame(i) for i in frames], 32, 48)
            for view in range(views) if views else [None]:
                seen = images if view is None else augment(images, draw_view(3, "bear", view))
                expected = backbone.extract(backbone.normalise(seen))
                group = file if view is None else file[f"view{view}"]
                for name, values in zip(DATASETS, expected, strict=True):
                    assert np.array_equal(group[name][frames], values.half().numpy()), name


@pytest.mark.parametrize("views", [0, 2])
def test_chunks_that_a_gpu_makes_hold_the_same(views, weights, video, tmp_path, monkeypatch):
    settings = FeatureSettings(NAME, 320, 256, layer=0, views=views)
    cache_features(video, settings, weights, tmp_path / "plain.h5", batch_size=2)
    asked = []

    def always(device, dataset):
        asked.append(device.type)
        return holds_rows(dataset)

    monkeypatch.setattr("betrayed.features.caching.makes_chunks", always)
    cache_features(video, settings, weights, tmp_path / "chunks.h5", batch_size=2)
    assert asked == ["cpu"]
    with (
        open_checked(tmp_path / "plain.h5", "features") as plain,
        open_checked(tmp_path / "chunks.h5", "features") as chunks,
    ):
        for group in [f"view{view}" for view in range(views)] or ["/"]:
            assert holds_rows(chunks[group]["patch_tokens"])
            for name in DATASETS:
                assert np.array_equal(plain[group][name][:], chunks[group][name][:]), name


def test_it_says_what_made_it(plain, weights):
    found = describe(plain)
    made_by = found.pop("made_by")
    assert found == {
        "count": 5, "grid": (2, 3), "frame_size": (40, 60), "dim": 192, "views": 0
    }  # fmt: skip
    taught = timm.get_pretrained_cfg(NAME)
    assert made_by == {
        "video": "bear",
        "weights_sha256": sha256(weights),
        "mean": list(taught.mean),
        "std": list(taught.std),
        **PLAIN.made_by(),
        "precision": "float32",
        "device": "cpu",
    }


def test_no_setting_that_changes_features_is_left_out_of_what_made_them():
    changes = {
        "backbone": "vit_small_patch8_224.dino",
        "height": 64,
        "width": 64,
        "facet": "key",
        "layer": 1,
        "views": 2,
        "seed": 5,
        "precision": "bfloat16",
    }
    assert set(changes) == {field.name for field in dataclasses.fields(FeatureSettings)}
    augmented = dataclasses.replace(PLAIN, views=1)  # where a seed makes a difference
    for name, value in changes.items():
        changed = dataclasses.replace(augmented, **{name: value}).made_by()
        assert changed != augmented.made_by(), name


def test_a_clip_comes_in_the_order_asked_for(plain):
    everything = read_clip(plain, range(5))
    for found, whole in zip(read_clip(plain, [4, 0, 4]), everything, strict=True):
        assert found.dtype == torch.float32
        assert torch.equal(found, whole[[4, 0, 4]])
    assert not torch.equal(everything[0][0], everything[0][1])


def test_the_same_settings_give_the_same_bytes(folder, weights, video, plain):
    cache_features(video, PLAIN, weights, folder / "again.h5", batch_size=2)
    assert sha256(folder / "again.h5") == sha256(plain)
    # A seed that draws nothing changes nothing.
    seeded = FeatureSettings(NAME, 32, 48, layer=0, seed=7)
    cache_features(video, seeded, weights, folder / "seeded.h5", batch_size=2)
    assert sha256(folder / "seeded.h5") == sha256(plain)


def test_views_are_drawn_once_for_the_video(folder, weights, video, plain):
    settings = FeatureSettings(NAME, 32, 48, layer=0, views=2, seed=3)
    path = folder / "views.h5"
    cache_features(video, settings, weights, path, batch_size=2)
    backbone = Backbone(NAME, weights, layer=0)
    for view in range(2):
        images = resize_frames([video.frame(i) for i in range(5)], 32, 48)
        images = augment(images, draw_view(3, "bear", view))
        patches, _, _ = backbone.extract(backbone.normalise(images))
        found, _ = read_clip(path, range(5), view)
        torch.testing.assert_close(found, patches, rtol=1e-3, atol=2e-3)
        assert (found - read_clip(plain, range(5))[0]).abs().mean() > 0.01
    assert (read_clip(path, [0], 0)[0] - read_clip(path, [0], 1)[0]).abs().mean() > 0.01
    assert (describe(path)["views"], describe(path)["made_by"]["seed"]) == (2, 3)
    with open_checked(path, "features") as file:
        assert sorted(file) == ["view0", "view1"]
    with pytest.raises(UserError, match=r"views\.h5 holds 2 augmented views, but plain frames"):
        read_clip(path, [0])
    with pytest.raises(UserError, match="but view 2"):
        read_clip(path, [0], 2)
    with pytest.raises(UserError, match=r"plain\.h5 holds plain frames.*but view 0"):
        read_clip(plain, [0], 0)


def test_keys_have_the_width_of_their_projection(folder, weights, video):
    settings = FeatureSettings(NAME, 32, 48, facet="key", layer=-12)
    cache_features(video, settings, weights, folder / "keys.h5")
    assert read_clip(folder / "keys.h5", [1])[0].shape == (1, 6, 192)


def test_a_frame_that_is_not_there_is_refused(plain):
    for index in (5, -1):
        with pytest.raises(UserError, match=f"has 5 frames: there is no frame {index}"):
            read_clip(plain, [0, index])


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(plain, tmp_path, kept):
    content = plain.read_bytes()
    path = tmp_path / "cut.h5"
    path.write_bytes(content[: int(len(content) * kept)])
    for reader in (describe, lambda one: read_clip(one, [0]), lambda one: common_provenance([one])):
        with pytest.raises(UserError, match=r"cut\.h5 is not a whole HDF5 file.*Delete it"):
            reader(path)


def test_features_of_another_backbone_are_refused(weights, video, plain, tmp_path):
    with pytest.raises(UserError, match=r"plain\.h5 was made with backbone = 'vit_tiny"):
        describe(plain, {"backbone": "vit_small_patch8_224.dino"})
    odd = tmp_path / "odd.h5"
    cache_features(video, FeatureSettings(NAME, 32, 32, layer=0), weights, odd)
    again = shutil.copy(plain, tmp_path / "again.h5")
    common = common_provenance([plain, again])
    assert common["weights_sha256"] == sha256(weights) and "video" not in common
    with pytest.raises(UserError, match=r"odd\.h5 was made with width = 32, .* with 48"):
        common_provenance([odd, plain, again])
    with pytest.raises(UserError, match="No features"):
        common_provenance([])


def test_where_features_were_computed_does_not_keep_them_apart(folder, weights, video, plain):
    path = folder / "bfloat16.h5"
    settings = dataclasses.replace(PLAIN, precision="bfloat16")
    cache_features(video, settings, weights, path, batch_size=2)
    assert describe(path)["made_by"]["precision"] == "bfloat16"
    torch.testing.assert_close(
        read_clip(path, range(5))[0], read_clip(plain, range(5))[0], rtol=0.05, atol=0.05
    )
    common = common_provenance([plain, path])
    assert (common["precision"], common["device"]) == ("bfloat16, float32", "cpu")
    assert common_provenance([plain])["precision"] == "float32"


@pytest.mark.parametrize("views", [0, 2])
@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_batch_that_does_not_fit_is_halved_and_later_videos_know(
    room, views, weights, video, tmp_path, capsys, monkeypatch
):
    settings = dataclasses.replace(PLAIN, views=views)
    cache_features(video, settings, weights, tmp_path / "whole.h5", batch_size=4)
    backbone, seen = Backbone(NAME, weights, layer=0), []
    extract_all = backbone.extract

    def limited(images):
        seen.append(len(images))
        if len(images) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.")
        return extract_all(images)

    monkeypatch.setattr(backbone, "extract", limited)
    write_features(video, settings, backbone, sha256(weights), tmp_path / "a.h5", batch_size=4)
    told = capsys.readouterr().err
    assert "Memory ran out at 4 frames at a time (features of bear): going on with 2." in told
    assert backbone.most_frames == min(room, 2)
    with (
        open_checked(tmp_path / "whole.h5", "features") as whole,
        open_checked(tmp_path / "a.h5", "features") as found,
    ):
        for group in [f"view{i}" for i in range(views)] or ["/"]:
            for name in DATASETS:
                one, other = found[group][name][:], whole[group][name][:]
                np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)
    seen.clear()
    write_features(video, settings, backbone, sha256(weights), tmp_path / "b.h5", batch_size=4)
    assert max(seen) <= room


def test_one_frame_that_does_not_fit_is_told_with_what_to_set(
    weights, video, tmp_path, monkeypatch
):
    def never(self, images):
        raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")

    monkeypatch.setattr(Backbone, "extract", never)
    with pytest.raises(UserError, match=r"one frame \(features of bear\).*features\.height"):
        cache_features(video, PLAIN, weights, tmp_path / "out" / "x.h5")
    assert not list((tmp_path / "out").iterdir())


def test_a_backbone_that_does_not_fit_is_told_with_what_to_set(
    weights, video, tmp_path, monkeypatch
):
    def never(self, device):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch.nn.Module, "to", never)
    with pytest.raises(UserError, match=r"ran out \(loading vit_tiny.*set device: cpu"):
        cache_features(video, PLAIN, weights, tmp_path / "x.h5")


def test_values_that_are_not_finite_leave_no_file(video, folder, tmp_path):
    state = create_vit(NAME).state_dict()
    state["norm.bias"][0] = 1e6  # too large for float16
    torch.save(state, tmp_path / "wild.pth")
    settings = WeightsSettings(NAME, "file", str(tmp_path / "wild.pth"))
    fetch_weights(settings, tmp_path / "wild.safetensors")
    with pytest.raises(UserError, match="no finite float16 for frames 0 to 3 of bear"):
        cache_features(video, PLAIN, tmp_path / "wild.safetensors", tmp_path / "wild.h5")
    half = dataclasses.replace(PLAIN, precision="float16")
    with pytest.raises(UserError, match=r"set features\.precision to bfloat16 or float32"):
        cache_features(video, half, tmp_path / "wild.safetensors", tmp_path / "wild.h5")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["wild.pth", "wild.safetensors"]


def test_a_frame_that_cannot_be_read_leaves_no_file_and_no_thread(video, weights, tmp_path):
    copies = [shutil.copy(path, tmp_path) for path in video.frames]
    Path(copies[3]).write_bytes(b"no picture")
    broken = dataclasses.replace(video, frames=tuple(Path(one) for one in copies))
    before = set(threading.enumerate())
    with pytest.raises(UserError, match=r"The frame .*00003\.png cannot be read"):
        cache_features(broken, PLAIN, weights, tmp_path / "out" / "bear.h5", batch_size=1)
    assert not list((tmp_path / "out").iterdir())
    assert set(threading.enumerate()) == before


def test_a_file_reaches_the_disk_while_the_next_video_is_computed(
    video, weights, plain, tmp_path, monkeypatch
):
    backbone, computed = Backbone(NAME, weights, layer=0), []
    extract_all, sync = backbone.extract, files._sync
    third, syncing = threading.Event(), set()

    def extract(images):
        computed.append(threading.current_thread())
        if len(computed) == 7:  # the third video; each has 5 frames, in batches of 2
            assert not list(tmp_path.glob("[!.]*"))
            third.set()
        return extract_all(images)

    def slow(path):
        assert third.wait(60)
        syncing.add(threading.current_thread())
        sync(path)

    monkeypatch.setattr(backbone, "extract", extract)
    monkeypatch.setattr(files, "_sync", slow)
    paths = [tmp_path / f"{number}.h5" for number in range(3)]
    begin = partial(begin_features, video, PLAIN, backbone, sha256(weights), batch_size=2)
    done = overlapped(lambda path: begin(output=path), lambda _, given: given()(), paths)
    assert list(done) == [None] * 3
    assert set(computed) == {threading.current_thread()} and len(computed) == 9
    assert len(syncing) == 2 and threading.current_thread() not in syncing
    assert {sha256(path) for path in paths} == {sha256(plain)}
    assert sorted(tmp_path.iterdir()) == paths


def test_an_end_that_fails_leaves_no_file_and_no_thread(video, weights, tmp_path, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(threading.enumerate())
    backbone = Backbone(NAME, weights, layer=0)
    end = begin_features(video, PLAIN, backbone, None, tmp_path / "a.h5", 2)()
    monkeypatch.setattr(files, "_sync", full)
    with pytest.raises(ShortageError, match=r"no room for .*a\.h5"):
        end()
    assert not list(tmp_path.iterdir()) and set(threading.enumerate()) == before


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_the_program_leaves_beginning_and_end_to_others_where_a_gpu_computes(
    kind, video, folder, weights, monkeypatch
):
    monkeypatch.setattr(program, "take_device", lambda arguments: torch.device(kind))
    for name in ("load_backbone", "begin_features"):
        monkeypatch.setattr(caching, name, lambda *given: given)
    settings = json.dumps({"backbone": NAME, "height": 32, "width": 48})
    work = program._prepare(Namespace(settings=settings, weights=weights, batch_size=0))
    frames = folder / "bear" / "frames.json"
    assert isinstance(work, ReadsAhead) == (kind == "cuda")
    do = work.read if kind == "cuda" else work
    *_, ahead = do(Task("bear", {"frames": frames}, (folder / "x.h5",)))
    assert ahead == (2**27 if kind == "cuda" else 0)


@pytest.mark.parametrize("ahead", [0, 3, 99])
def test_frames_are_decoded_before_it_is_the_videos_turn(
    ahead, video, weights, plain, tmp_path, monkeypatch
):
    decoded, frame_of = [], Video.frame
    monkeypatch.setattr(
        Video, "frame", lambda self, frame: decoded.append(frame) or frame_of(self, frame)
    )
    backbone, before = Backbone(NAME, weights, layer=0), set(threading.enumerate())
    given = PLAIN, backbone, sha256(weights), tmp_path / "bear.h5", 2
    given = *given, ahead * video.height * video.width * 3
    compute = begin_features(video, *given)
    assert decoded == list(range(min(ahead, 5))) and not list(tmp_path.iterdir())
    assert set(threading.enumerate()) == before
    compute()()
    assert decoded == list(range(5)) and sha256(tmp_path / "bear.h5") == sha256(plain)
    gone = dataclasses.replace(video, frames=(tmp_path / "gone.png", *video.frames[1:]))
    if ahead:
        with pytest.raises(UserError, match=r"gone\.png"):
            begin_features(gone, *given)


def test_batches_are_larger_on_a_gpu():
    assert [default_batch_size(torch.device(name)) for name in ("cpu", "cuda:1")] == [4, 16]


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batches_of_nothing_are_refused(video, weights, tmp_path, batch_size):
    with pytest.raises(UserError, match="batch size must be 1 or more"):
        cache_features(video, PLAIN, weights, tmp_path / "x.h5", batch_size=batch_size)
    assert not list(tmp_path.iterdir())


def test_settings_that_do_not_fit_are_refused(video, weights, tmp_path):
    with pytest.raises(UserError, match="height 33 is no multiple of 16"):
        cache_features(video, FeatureSettings(NAME, 33, 48), weights, tmp_path / "x.h5")
    with pytest.raises(ValueError, match="views"):
        FeatureSettings(NAME, 32, 48, views=-1)
    with pytest.raises(UserError, match=r"weights\.safetensors holds weights of vit_tiny_patch16"):
        other = FeatureSettings("vit_small_patch8_224.dino", 32, 48)
        cache_features(video, other, weights, tmp_path / "x.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_program(folder, weights, plain, tmp_path):
    """Two good videos with one model, beside one whose frames are gone."""
    frames = folder / "bear" / "frames.json"
    shutil.copytree(folder / "images", tmp_path / "images")
    extract("gone", tmp_path / "images", tmp_path / "gone")
    (tmp_path / "images" / "00003.png").unlink()
    gone = tmp_path / "gone" / "frames.json"
    record = record_of(tmp_path / "f.json", {"bear": frames, "cat": frames, "gone": gone})
    settings = {"backbone": NAME, "height": 32, "width": 48, "layer": 0}
    command = [sys.executable, SCRIPTS / "cache_features.py", "--frames", record]
    command += ["--weights", weights, "--output-folder", tmp_path / "out", "--threads", "1"]
    command += ["--record", tmp_path / "record.json", "--device", "cpu", "--batch-size", "2"]
    command += ["--settings", json.dumps(settings)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "3 to compute, 0 up to date" in done.stderr
    made = Record.read(tmp_path / "record.json")
    assert set(made.videos) == {"bear", "cat"} and set(made.failures) == {"gone"}
    assert "00003.png" in made.failures["gone"].reason
    for video in ("bear", "cat"):
        path = tmp_path / "out" / f"{video}.h5"
        assert made.videos[video].artefact == str(path)
        assert describe(path) == describe(plain)
        torch.testing.assert_close(
            read_clip(path, range(5)), read_clip(plain, range(5)), rtol=1e-2, atol=1e-2
        )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["bear.h5", "cat.h5"]


def test_the_program_loads_no_model_when_there_is_nothing_to_compute(
    folder, weights, tmp_path, monkeypatch
):
    def compute(settings, model=weights):
        options = {"frames": record, "weights": model, "settings": json.dumps(settings)}
        options |= {"record": tmp_path / "record.json", "output-folder": tmp_path / "out"}
        given = [str(part) for name, one in options.items() for part in (f"--{name}", one)]
        monkeypatch.setattr(sys, "argv", ["cache_features.py", *given])
        loaded.clear()
        program.main()
        return len(loaded)

    def prepare(arguments):
        loaded.append(arguments)
        return lambda task: task.output.write_bytes(b"tokens")

    loaded = []
    monkeypatch.setattr(program, "_prepare", prepare)
    frames = folder / "bear" / "frames.json"
    record = record_of(tmp_path / "f.json", {"bear": frames, "cat": frames})
    settings = {"backbone": NAME, "height": 32, "width": 48}
    assert [compute(settings), compute(settings)] == [1, 0]
    assert compute(settings | {"layer": 0}) == 1
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"other weights")
    assert [compute(settings | {"layer": 0}, other) for _ in range(2)] == [1, 0]
