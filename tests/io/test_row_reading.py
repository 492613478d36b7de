"""Rows that are read past HDF5's filter, against those that HDF5 reads."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import h5py
import numpy as np
import pytest
import torch

from betrayed.block.export import export_attention
from betrayed.clustering.tracking import cluster_video
from betrayed.config.clustering import ClusterSettings
from betrayed.errors import UserError
from betrayed.features.reading import read_clip
from betrayed.features.whole_video import each_frame_tokens, read_patch_tokens
from betrayed.io.artefacts import create, open_checked
from betrayed.io.chunks import fletcher32
from betrayed.io.row_reading import checksum, holds_rows, read_rows
from betrayed.reporting.attention_maps import block_concentration, token_rows
from support.blocks import new_block
from support.tiny_features import features_file


def naive_fletcher32(values):
    """Word by word, as the definition has it, and each sum folded after each word."""
    values = bytes(values) + bytes(len(values) % 2)
    first = second = 0
    for high, low in zip(values[::2], values[1::2], strict=True):
        first += high << 8 | low
        first = (first & 0xFFFF) + (first >> 16)
        second += first
        second = (second & 0xFFFF) + (second >> 16)
    return first.to_bytes(2, "little") + second.to_bytes(2, "little")


SIZES = [1, 2, 3, 4, 719, 720, 721, 2046, 2047, 2048, 2049, 2050, 4096, 6145, 70_001, 262_144]


@pytest.mark.parametrize("size", SIZES)
def test_checksums_are_those_of_the_definition(size):
    noise = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    last = np.zeros(size, np.uint8)
    last[-1] = 1
    for values in (noise, last, np.zeros(size, np.uint8), np.full(size, 255, np.uint8)):
        assert checksum(values) == naive_fletcher32(values)
        if size % 2 == 0:
            assert bytes(fletcher32(torch.from_numpy(values)[None])[0].tolist()) == checksum(values)


@pytest.mark.parametrize(
    ("words", "sums"),
    [
        ([0xFFFF], (0xFFFF, 0xFFFF)),
        ([0xFFFF] * 5000, (0xFFFF, 0xFFFF)),
        ([1, 0xFFFE], (0xFFFF, 1)),  # 2 + 0xFFFE is 2^16
        ([1, 0xFFFD], (0xFFFE, 0xFFFF)),
        ([0] * 3000, (0, 0)),
    ],
)
def test_sums_that_the_modulus_divides(words, sums):
    values = np.array(words, ">u2").view(np.uint8)
    found = np.frombuffer(checksum(values), "<u2")
    assert tuple(found) == sums and found.tobytes() == naive_fletcher32(values)


def test_the_largest_sums_do_not_overflow():
    """2^27 bytes of 0xFF: each place has 2^16 words of 2^16 - 1."""
    assert checksum(np.full(2**27, 255, np.uint8)) == b"\xff" * 4


def rows_file(path, dtype, shape):
    values = np.random.default_rng(0).integers(0, 2**15, shape).astype(dtype)
    values[0] = 0
    with create(path, "rows", {}) as file:
        file.create_dataset("a", shape, dtype, chunks=(1, *shape[1:]))[:] = values
    return path


@pytest.fixture
def without_hdf5(monkeypatch):
    """HDF5's own reading of data sets fails."""

    def fails(dataset, rows):
        raise AssertionError(f"HDF5 reads {rows}")

    return lambda: monkeypatch.setattr(h5py.Dataset, "__getitem__", fails)


SELECTIONS = [None, range(1, 4), range(4), range(3, 0, -2), [2], [0, 3], [3, 0, 0, 1], [-1], []]


@pytest.mark.parametrize("shape", [(4, 70_001), (4, 300, 229), (4, 3, 110, 211)])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "u1", "i2", "i8"])
def test_what_is_read_is_what_hdf5_reads(tmp_path, without_hdf5, dtype, shape):
    with open_checked(rows_file(tmp_path / "a.h5", dtype, shape), "rows") as file:
        dataset = file["a"]
        assert holds_rows(dataset)
        whole = dataset[:]
        without_hdf5()
        for rows in [*SELECTIONS, np.array([1, 3]), 0, 2, -1, np.int64(3)]:
            found = read_rows(dataset, rows)
            expected = whole if rows is None else whole[np.array(rows, int)]
            assert found.dtype == dataset.dtype and found.flags.c_contiguous
            assert found.flags.writeable
            np.testing.assert_array_equal(found, expected)
        for rows in (4, -5, [0, 4]):
            with pytest.raises(IndexError):
                read_rows(dataset, rows)


def test_rows_that_are_stored_otherwise_are_read_too(tmp_path):
    values = np.arange(4 * 40_000).reshape(4, 200, 200)
    row = (1, 200, 200)
    kinds = {
        "plain": {},
        "unchecked": {"chunks": row},
        "two": {"chunks": (2, 200, 200), "fletcher32": True},
        "parts": {"chunks": (1, 100, 200), "fletcher32": True},
        "wide": {"chunks": (1, 200, 201), "fletcher32": True, "maxshape": (4, 200, None)},
        "compressed": {"chunks": row, "fletcher32": True, "compression": "gzip"},
        "shuffled": {"chunks": row, "fletcher32": True, "shuffle": True},
    }
    with create(tmp_path / "compact.h5", "rows", {}) as file:
        file["a"] = values[:, :2, :3]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, options in kinds.items():
            file.create_dataset(name, data=values, **options)
        file.create_dataset("truth", data=values % 3 == 0, chunks=row, fletcher32=True)
    with h5py.File(tmp_path / "a.h5") as file, h5py.File(tmp_path / "compact.h5") as compact:
        for dataset, rows in product([*file.values(), compact["a"]], [*SELECTIONS, 1, -1]):
            expected = dataset[:] if rows is None else dataset[:][np.array(rows, int)]
            found = read_rows(dataset, rows)
            assert found.dtype == dataset.dtype
            np.testing.assert_array_equal(found, expected)
        assert not any(holds_rows(file[name]) for name in kinds)


def test_chunks_that_lack_something_are_what_hdf5_makes_of_them(tmp_path):
    """Row 1 was never written, row 2 has no checksum, row 3 is cut short."""
    values = np.arange(50_000, dtype="f4")
    with create(tmp_path / "a.h5", "rows", {}) as file:
        dataset = file.create_dataset("a", (4, 50_000), "f4", chunks=(1, 50_000), fillvalue=7)
        dataset[0] = values
        dataset.id.write_direct_chunk((2, 0), values.tobytes(), 1)
        dataset.id.write_direct_chunk((3, 0), values.tobytes()[:100])
    with open_checked(tmp_path / "a.h5", "rows") as file:
        np.testing.assert_array_equal(
            read_rows(file["a"], range(3)), [values, np.full(50_000, 7), values]
        )
    assert message(tmp_path / "a.h5", read_rows) == message(tmp_path / "a.h5", by_hdf5)


def by_hdf5(dataset, rows=None):
    return dataset[:] if rows is None else dataset[rows]


def message(path, reading, rows=None, opened=lambda: None):
    """What people are told when rows cannot be read; ``opened`` is called before."""
    with pytest.raises(UserError) as told, open_checked(path, "rows") as file:
        dataset = file["a"]
        opened()
        reading(dataset, rows)
    return str(told.value)


@pytest.mark.parametrize("place", [0, 70_001, 140_001, 140_002, 140_005])  # the last are its sums
def test_a_flipped_bit_is_told_as_hdf5_tells_it(tmp_path, place):
    path = rows_file(tmp_path / "a.h5", "f2", (4, 70_001))
    with h5py.File(path) as file:
        start = file["a"].id.get_chunk_info_by_coord((2, 0)).byte_offset
        whole = file["a"][:]
    held = bytearray(path.read_bytes())
    held[start + place] ^= 16
    path.write_bytes(held)
    for rows in (None, 2, [1, 2], range(2, 4)):
        told = message(path, read_rows, rows)
        assert told == message(path, by_hdf5, list(rows) if isinstance(rows, range) else rows)
        assert told.startswith(f"{path} is damaged (") and "filter returned failure" in told
    with open_checked(path, "rows") as file:
        np.testing.assert_array_equal(read_rows(file["a"], [0, 1, 3]), whole[[0, 1, 3]])


@pytest.mark.parametrize("fault", ["flipped", "zeroed"])
def test_whatever_is_damaged_is_told_as_hdf5_tells_it(tmp_path, fault):
    """Anywhere in the file; and what can be read is what was written."""
    path = rows_file(tmp_path / "a.h5", "f2", (3, 40_000))
    whole, told = path.read_bytes(), []
    for place in range(5, len(whole), 1501):
        hurt = bytearray(whole)
        if fault == "flipped":
            hurt[place] ^= 1 << place % 8
        else:
            hurt[place : place + 4096] = bytes(len(hurt[place : place + 4096]))
        path.write_bytes(hurt)
        outcomes = []
        for reading in (read_rows, by_hdf5):
            try:
                with open_checked(path, "rows") as file:
                    outcomes.append(reading(file["a"]).tobytes())
            except UserError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1], place
        told.append(isinstance(outcomes[0], str))
    assert 80 < sum(told) < len(told)  # some bytes are of no use to anybody


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_file_cut_short_while_it_is_open(tmp_path, share):
    told = []
    for reading in (read_rows, by_hdf5):
        path = rows_file(tmp_path / "a.h5", "f2", (4, 70_001))
        size = int(path.stat().st_size * share)
        told.append(message(path, reading, None, lambda: os.truncate(path, size)))  # noqa: B023
    assert told[0] == told[1] and "a.h5 is damaged" in told[0]
    with pytest.raises(UserError, match=r"a\.h5 is not a whole HDF5 file"):
        open_checked(path, "rows").__enter__()


def test_threads_read_beside_each_other(tmp_path):
    path = rows_file(tmp_path / "a.h5", "f2", (4, 70_001))
    with open_checked(path, "rows") as file:
        whole = file["a"][:]

    def read(number):
        rows = np.random.default_rng(number).integers(0, 4, 3)
        with open_checked(path, "rows") as file:
            return (read_rows(file["a"], rows) == whole[rows]).all()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(40)))


def test_stages_read_frames_without_hdf5s_filter(tmp_path, monkeypatch):
    """Features and attention of frames that are a chunk each."""
    features, attention = features_file(tmp_path / "f.h5", 4, (50, 60)), tmp_path / "a.h5"
    held = {"settings": {}, "features": {}, "step": 0, "dim": 16, "heads": 2}
    state = {"model_state_dict": new_block(16, heads=2).state_dict()}
    torch.save(state | held, tmp_path / "block.pt")
    plain, filtered = h5py.Dataset.__getitem__, []

    def reads(dataset, rows):
        filtered.extend([dataset.name] if holds_rows(dataset) else [])
        return plain(dataset, rows)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", reads)
    tokens, _ = read_patch_tokens(features)
    np.testing.assert_array_equal(read_clip(features, [2, 0, 2])[0], tokens[[2, 0, 2]])
    frames = np.stack(list(each_frame_tokens(features)))
    np.testing.assert_array_equal(frames.reshape(tokens.shape), tokens)
    export_attention(features, tmp_path / "block.pt", attention, torch.device("cpu"))
    cluster_video(attention, tmp_path / "t.h5", ClusterSettings(approximate=10))
    block_concentration(attention, [1])
    token_rows(attention, [(1, 2)], [0, 3])
    assert not filtered
    with open_checked(attention, "attention") as file:
        assert file["keys"][0].any() and filtered == ["/keys"]
