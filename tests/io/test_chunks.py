"""Chunks made outside HDF5, against those that HDF5 makes."""

import h5py
import numpy as np
import pytest
import torch

from betrayed.errors import UserError
from betrayed.io.artefacts import create, open_checked
from betrayed.io.chunks import all_finite, fletcher32, with_checksums, write_rows
from betrayed.io.row_reading import holds_rows


def values(dtype, shape):
    made = np.random.default_rng(0).normal(size=shape).astype(dtype)
    made[0] = 0  # whose sum is 0, and is the only one that is
    return made


@pytest.mark.parametrize("shape", [(3, 40000), (4, 300, 130), (2, 7, 90, 77)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_chunks_are_those_of_hdf5_byte_for_byte(tmp_path, dtype, shape):
    given = values(dtype, shape)
    with create(tmp_path / "a.h5", "chunks", {}) as file:
        ours, theirs = (
            file.create_dataset(name, shape, dtype, chunks=(1, *shape[1:]))
            for name in ("ours", "theirs")
        )
        assert holds_rows(ours)
        write_rows(ours, 1, with_checksums(torch.from_numpy(given[1:])).numpy())
        write_rows(ours, 0, with_checksums(torch.from_numpy(given[:1])).numpy())
        theirs[:] = given
    with open_checked(tmp_path / "a.h5", "chunks") as file:
        for row in range(shape[0]):
            at = (row, *[0] * (len(shape) - 1))
            one, other = (file[name].id.read_direct_chunk(at) for name in ("ours", "theirs"))
            assert one == other
        np.testing.assert_array_equal(file["ours"][:], given)


def test_a_flipped_bit_is_found(tmp_path):
    given = torch.randn(2, 50000)
    chunks = with_checksums(given).numpy()
    chunks[1, 70] ^= 4
    with create(tmp_path / "a.h5", "chunks", {}) as file:
        write_rows(file.create_dataset("a", (2, 50000), "f4", chunks=(1, 50000)), 0, chunks)
    with (
        pytest.raises(UserError, match=r"a\.h5"),
        open_checked(tmp_path / "a.h5", "chunks") as file,
    ):
        np.testing.assert_array_equal(file["a"][0], given[0])
        file["a"][1]


def test_by_hand():
    # Words 0x0201, 0x0403: sums 0x0604 and 2 * 0x0201 + 0x0403 = 0x0805.
    found = fletcher32(torch.tensor([[2, 1, 4, 3]], dtype=torch.uint8))
    assert found.tolist() == [[0x04, 0x06, 0x05, 0x08]]
    # 65535 is 0 to the sums, but is not written as 0.
    found = fletcher32(torch.tensor([[255, 255], [0, 0]], dtype=torch.uint8))
    assert found.tolist() == [[255, 255, 255, 255], [0, 0, 0, 0]]


def test_what_is_no_chunk_is_refused(tmp_path):
    chunks = with_checksums(torch.zeros(2, 10)).numpy()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, options in (
            ("plain", {}),
            ("two", {"chunks": (2, 10), "fletcher32": True}),
            ("wide", {"chunks": (1, 11), "fletcher32": True}),
        ):
            wide = file.create_dataset(name, (2, 11 if name == "wide" else 10), "f4", **options)
            with pytest.raises(ValueError, match=name):
                write_rows(wide, 0, chunks)


def test_every_number_of_float16_is_finite_or_is_not():
    bits = torch.arange(-(2**15), 2**15).to(torch.int16)
    for value in bits.view(torch.float16):
        assert all_finite(value[None]) == value.isfinite()
    some = bits.view(torch.float16)[bits.view(torch.float16).isfinite()].reshape(31, 2, -1)
    assert all_finite(some) and all_finite(some.transpose(0, 2))
    some[7, 1, 9] = torch.nan
    assert not all_finite(some)
