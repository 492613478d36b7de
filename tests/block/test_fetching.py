"""A block from a hub repository, by its name."""

from pathlib import Path

import pytest
import torch

from betrayed.block.fetching import fetch_block
from betrayed.block.loading import load_block
from betrayed.config.checks import check
from betrayed.config.merging import merged
from betrayed.config.training import HubFile
from betrayed.errors import UserError
from support.blocks import new_block
from support.configurations import DEFAULT


def block_file(path: Path) -> Path:
    stored = {"model_state_dict": new_block(8, heads=2).state_dict(), "settings": {}}
    torch.save(stored | {"features": {}, "step": 7, "dim": 8, "heads": 2}, path)
    return path


def hub(monkeypatch, files: dict[tuple[str, str], Path]) -> None:
    """What the hub's own client gives, from a list."""

    def download(repository, file):
        if (repository, file) not in files:
            raise OSError(f"404 Client Error\n{repository} has no {file}.")
        return str(files[repository, file])

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)


def test_names_by_hand():
    assert HubFile.from_name("hub:me/blocks") == HubFile("me/blocks", "block.pt")
    assert HubFile.from_name("hub:me/blocks/a/b.pth") == HubFile("me/blocks", "a/b.pth")
    for wrong in ("hub:me", "hub:", "hub:/x", "hub:me/", "me/blocks"):
        with pytest.raises(UserError, match="names no file of a hub"):
            HubFile.from_name(wrong)


def test_a_block_is_downloaded_and_is_the_one(tmp_path, monkeypatch):
    path = block_file(tmp_path / "there.pt")
    hub(monkeypatch, {("me/blocks", "films.pt"): path})
    fetch_block("hub:me/blocks/films.pt", tmp_path / "out" / "block.pt")
    assert (tmp_path / "out" / "block.pt").read_bytes() == path.read_bytes()
    assert load_block(tmp_path / "out" / "block.pt")[1]["dim"] == load_block(path)[1]["dim"]


def test_what_is_not_there_or_no_block_is_refused(tmp_path, monkeypatch):
    (tmp_path / "no.pt").write_bytes(b"no block")
    hub(monkeypatch, {("me/blocks", "no.pt"): tmp_path / "no.pt"})
    with pytest.raises(UserError, match=r"block\.pt of me/blocks could not be downloaded.*has no"):
        fetch_block("hub:me/blocks", tmp_path / "block.pt")
    with pytest.raises(UserError, match=r"no\.pt"):
        fetch_block("hub:me/blocks/no.pt", tmp_path / "block.pt")
    assert not (tmp_path / "block.pt").exists()


def test_the_configuration_takes_names_of_the_hub():
    def checked(checkpoint):
        given = merged(DEFAULT, {"training": {"checkpoint": checkpoint}})
        return check(given, lambda name, dataset: [])

    assert checked("hub:me/blocks")["training"]["checkpoint"] == "hub:me/blocks"
    with pytest.raises(UserError, match="names no file of a hub"):
        checked("hub:me")
    with pytest.raises(UserError, match=r"there is no file nowhere\.pt"):
        checked("nowhere.pt")
