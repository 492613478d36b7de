"""What an HDF5 artefact says that made it, apart from what writes and checks artefacts."""

import json
from pathlib import Path
from typing import Any

import h5py


def made_by(path: str | Path) -> dict[str, Any] | None:
    """The artefact's ``kind``, and what made it; None where the file is damaged or says nothing."""
    try:
        with h5py.File(path, "r") as file:
            return {"kind": text_attribute(file, "kind"), **provenance(file)}
    except (OSError, KeyError, RuntimeError, ValueError):
        return None


def provenance(file: h5py.File) -> dict[str, Any]:
    """What made an artefact, as it was given to :func:`betrayed.io.artefacts.create`."""
    return json.loads(text_attribute(file, "made_by"))


def text_attribute(file: h5py.File, name: str) -> str:
    """An attribute that holds a text, of fixed length or not."""
    value = file.attrs[name]
    return value.decode() if isinstance(value, bytes) else value
