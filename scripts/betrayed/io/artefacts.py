"""HDF5 artefacts: written whole, marked complete, and checked before they are trusted.

All that they hold is under checksums, so that a flipped bit or a lost page is an error and never
another value. Chunks have HDF5's Fletcher-32. What describes them has the checksums of HDF5's newer
form of file, and so have small data sets and texts, which are stored in the headers.

No times are stored: the same values made by the same are the same bytes, whenever and wherever.
"""

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from betrayed import __version__
from betrayed.errors import UserError
from betrayed.io.files import whole_file
from betrayed.io.made_by import provenance, text_attribute

#: A chunk's least size in bytes, where the data set has as much. Fletcher-32 of zeros is 0: a chunk
#: that lies in one page of the disk, its checksum with it, could be lost without a trace.
LEAST_CHUNK = 2**16
#: Data sets below this size, in bytes, are stored in their header.
MOST_IN_HEADER = 2**15
#: Headers and indices have checksums from here on.
_FORM = ("v110", "v110")
_REMEDY = "Delete it and run the workflow again; it will be made anew."
#: What h5py says when HDF5 fails at reading: an OSError, a KeyError or a RuntimeError.
_FAILED = re.compile(r"(Can't|Unable to) (synchronously )?(?!write|create|flush)\w+ .*\(.+\)", re.S)


@contextmanager
def create(path: str | Path, kind: str, made_by: Mapping[str, Any]) -> Iterator[h5py.File]:
    """Write the HDF5 artefact ``path``; it appears under that name only when it is complete.

    Whatever is stored in the file that is given gets its checksums, with whatever call. Chunks may
    come out longer along their first axis than is asked for.

    Args:
        path: the file to make.
        kind: what it holds, e.g. ``"features"``; readers ask for it.
        made_by: what made it (backbone, weights' sha256, sizes, settings, …): plain values that
            JSON can hold. Stored as the attribute ``made_by``, beside ``kind`` and ``version``.

    Raises:
        ShortageError: there is no room for it.
    """
    with whole_file(path) as temporary, _File(temporary, "w", libver=_FORM) as file:
        try:
            # Of fixed length: those of variable length lie apart, without a checksum.
            file.attrs["kind"] = np.bytes_(kind.encode())
            file.attrs["version"] = np.bytes_(__version__.encode())
            file.attrs["made_by"] = np.bytes_(json.dumps(made_by, sort_keys=True).encode())
            yield file
            # Last: a file that lost its tail, or whose writer died, lacks it.
            file.attrs["complete"] = True
            file.flush()
        except BaseException:  # whatever it was, nobody wants the file any more
            _let_go(file)
            raise


class _Checksummed:
    """What HDF5's groups and files become: data sets made in them are under checksums.

    Attributes:
        kept: the data sets that were made. They stay open until the file is flushed: what cannot
            be written when one is closed h5py only mentions, and goes on.
    """

    kept: list[h5py.Dataset]

    def create_dataset(self, name, shape=None, dtype=None, data=None, **options):
        if data is not None:
            data = np.asarray(data, dtype)
            shape, dtype = data.shape if shape is None else shape, data.dtype
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if not shape:
            raise ValueError(f"{name} is one value, which has no checksum: make it an attribute")
        fixed = options.get("maxshape") is None
        if fixed and math.prod(shape) * np.dtype(dtype).itemsize <= MOST_IN_HEADER:
            layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            layout.set_layout(h5py.h5d.COMPACT)
            options |= {"chunks": None, "dcpl": layout}
        else:
            chunks = options.get("chunks") or (1, *shape[1:])
            rows = -(-LEAST_CHUNK // (math.prod(chunks[1:]) * np.dtype(dtype).itemsize))
            rows = max(chunks[0], min(rows, shape[0]) if fixed else rows)
            options |= {"chunks": (rows, *chunks[1:]), "fletcher32": True}
        self._create_groups_above(name)
        made = super().create_dataset(name, shape, dtype, data, **options)
        self.kept.append(made)
        return made

    def create_group(self, name, *arguments, **options):
        self._create_groups_above(name)
        return self._group(super().create_group(name, *arguments, **options))

    def __setitem__(self, name, value):
        self._create_groups_above(name)
        super().__setitem__(name, value)

    def __getitem__(self, name):
        found = super().__getitem__(name)
        return self._group(found) if isinstance(found, h5py.Group) else found

    def _create_groups_above(self, name):
        """Those that HDF5 makes by itself on the way to a name hold the time at which it did."""
        above = name.rpartition("/")[0] if name else ""
        if above and above not in self:
            self.create_group(above)

    def _group(self, plain):
        group = _Group(plain.id)
        group.kept = self.kept
        return group


class _Group(_Checksummed, h5py.Group):
    pass


class _File(_Checksummed, h5py.File):
    def __init__(self, *arguments, **options):
        self.kept = []
        super().__init__(*arguments, **options)


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
        UserError: the file is missing, cut short, of another kind, or made by something else; or
            what is read from it while it is open is damaged.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist. Run the workflow to make it.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(f"{path} is not a whole HDF5 file ({error}). {_REMEDY}") from error
    with file, _damage_named(path):
        if not file.attrs.get("complete", False):
            raise UserError(f"{path} was never finished. {_REMEDY}")
        if (held := text_attribute(file, "kind")) != kind:
            raise UserError(f"{path} holds {held}, but {kind} are needed here. {_REMEDY}")
        made_by = provenance(file)
        for name, wanted in (expect or {}).items():
            if made_by.get(name) != wanted:
                raise UserError(
                    f"{path} was made with {name} = {made_by.get(name)!r}, "
                    f"but {wanted!r} is wanted here. {_REMEDY}"
                )
        yield file


def check_values(path: str | Path, name: str, good: bool | np.bool_, what: str) -> None:
    """Say for people which values of an artefact cannot be meant.

    Raises:
        UserError: they are not good.
    """
    if not good:
        raise UserError(f"{path} cannot be used: {name} {what}. {_REMEDY}")


def check_finite(path: str | Path, name: str, values: np.ndarray) -> None:
    """Check that a data set's values are finite numbers.

    Raises:
        UserError: some are not.
    """
    check_values(path, name, all_finite(values), "holds values that are no finite numbers")


def all_finite(values: np.ndarray) -> bool:
    """Whether values are finite; of float16 by their bits, as NumPy counts it by way of float32."""
    if values.dtype == np.float16:
        # As int16 the numbers above 0 are largest, as uint16 those below; no copy is made.
        above, below = (values.view(kind).max(initial=0) for kind in (np.int16, np.uint16))
        return bool(above < 0x7C00 and below < 0xFC00)
    return bool(np.isfinite(values).all())


@contextmanager
def _damage_named(path: str | Path) -> Iterator[None]:
    """Say for people which file it is that HDF5 cannot read on."""
    try:
        yield
    except (OSError, KeyError, RuntimeError) as error:
        if not _FAILED.search(str(error)):
            raise
        reason = str(error.args[0] if error.args else error)
        raise UserError(f"{path} is damaged ({reason}). {_REMEDY}") from error
