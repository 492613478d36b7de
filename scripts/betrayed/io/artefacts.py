"""HDF5 artefacts: written whole, marked complete, and checked before they are trusted."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from betrayed import __version__
from betrayed.errors import UserError
from betrayed.io.files import whole_file


@contextmanager
def create(path: str | Path, kind: str, made_by: Mapping[str, Any]) -> Iterator[h5py.File]:
    """Write the HDF5 artefact ``path``; it appears under that name only when it is complete.

    Args:
        path: the file to make.
        kind: what it holds, e.g. ``"features"``; readers ask for it.
        made_by: what made it (backbone, weights' sha256, sizes, settings, …): plain values that
            JSON can hold. Stored as the attribute ``made_by``, beside ``kind`` and ``version``.

    Raises:
        UserError: there is no room for it.
    """
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        try:
            file.attrs["kind"] = kind
            file.attrs["version"] = __version__
            file.attrs["made_by"] = json.dumps(made_by, sort_keys=True)
            yield file
            # Last: a file that lost its tail, or whose writer died, lacks it.
            file.attrs["complete"] = True
            file.flush()
        except OSError:
            _let_go(file)
            raise


def _let_go(file: h5py.File) -> None:
    """Let a file whose disk is full be closed: HDF5 ends the process when its last write fails.

    What it still wants to write goes into memory, which is then given back.
    """
    elsewhere = os.memfd_create("full")
    try:
        os.dup2(elsewhere, file.id.get_vfd_handle())
    finally:
        os.close(elsewhere)


@contextmanager
def open_checked(
    path: str | Path, kind: str, expect: Mapping[str, Any] | None = None
) -> Iterator[h5py.File]:
    """Open a complete artefact of the given kind for reading.

    Args:
        path: the file.
        kind: what it must hold.
        expect: entries of ``made_by`` that must be equal, e.g. ``{"backbone": "…"}``.

    Raises:
        UserError: the file is missing, cut short, of another kind, or made by something else.
    """
    remedy = "Delete it and run the workflow again; it will be made anew."
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist. Run the workflow to make it.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(f"{path} is not a whole HDF5 file ({error}). {remedy}") from error
    with file:
        if not file.attrs.get("complete", False):
            raise UserError(f"{path} was never finished. {remedy}")
        if file.attrs["kind"] != kind:
            raise UserError(
                f"{path} holds {file.attrs['kind']}, but {kind} are needed here. {remedy}"
            )
        made_by = provenance(file)
        for name, wanted in (expect or {}).items():
            if made_by.get(name) != wanted:
                raise UserError(
                    f"{path} was made with {name} = {made_by.get(name)!r}, "
                    f"but {wanted!r} is wanted here. {remedy}"
                )
        yield file


def provenance(file: h5py.File) -> dict[str, Any]:
    """What made an artefact, as it was given to :func:`create`."""
    return json.loads(file.attrs["made_by"])
