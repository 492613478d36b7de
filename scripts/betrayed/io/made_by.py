"""What an HDF5 artefact says that made it, apart from what writes and checks artefacts."""

from pathlib import Path

import h5py


def made_by_text(path: str | Path) -> str | None:
    """The kind and what made it, as JSON; None where the file is damaged or says nothing."""
    try:
        with h5py.File(path, "r") as file:
            return f"{text_attribute(file, 'kind')} {text_attribute(file, 'made_by')}"
    except (OSError, KeyError, RuntimeError):
        return None


def text_attribute(file: h5py.File, name: str) -> str:
    """An attribute that holds a text, of fixed length or not."""
    value = file.attrs[name]
    return value.decode() if isinstance(value, bytes) else value
