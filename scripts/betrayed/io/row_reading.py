"""Rows of an HDF5 file that are a chunk each, fetched as they are stored and checked here.

What HDF5 reads it checks under its one lock: meanwhile no thread of the process reads anything
else. Here HDF5 fetches bytes alone; NumPy checks them, faster, and beside what other threads do.
"""

from collections.abc import Sequence

import h5py
import numpy as np

CHECKSUM = 4  # bytes
MODULUS = 2**16 - 1
_BLOCK = 2**10  # words
_MOST = 2**16 * 2 * _BLOCK  # bytes: sums over 2^16 blocks are what uint32 holds


def holds_rows(dataset: h5py.Dataset) -> bool:
    """Whether each row of a data set is a chunk with a checksum behind it and no other filter."""
    return bool(
        dataset.chunks
        and dataset.chunks == (1, *dataset.shape[1:])
        and dataset.fletcher32
        and dataset.id.get_create_plist().get_nfilters() == 1
    )


def read_rows(dataset: h5py.Dataset, rows: int | Sequence[int] | None = None) -> np.ndarray:
    """Whole rows of a data set, in the order asked for; faster where :func:`holds_rows` is true.

    Whatever is wrong with a chunk, HDF5 is asked for the same rows, so that the error is its own.

    Args:
        dataset: of a file that is open.
        rows: numbers of rows, each as often as wanted; one number gives that row without the first
            axis; None: all.

    Returns:
        What ``dataset[rows]`` is.

    Raises:
        IndexError: there is no such row.
    """
    every = range(len(dataset))
    if isinstance(rows, (int, np.integer)):
        found = _unfiltered(dataset, [every[rows]])
        return dataset[every[rows]] if found is None else found[0]
    wanted = every if rows is None else [every[row] for row in rows]
    found = _unfiltered(dataset, wanted)
    if found is not None:
        return found
    if rows is None:
        return dataset[:]
    # h5py takes numbers that ascend, each once.
    ascending, places = np.unique(np.array(wanted, int), return_inverse=True)
    values = dataset[ascending]
    return values if ascending.tolist() == wanted else values[places]


def _unfiltered(dataset: h5py.Dataset, rows: Sequence[int]) -> np.ndarray | None:
    """Rows whose checksums are right; None: HDF5 has to read them."""
    row = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))
    if not holds_rows(dataset) or dataset.dtype.kind not in "iuf" or row > _MOST:
        return None
    rest = (0,) * (dataset.ndim - 1)
    words = _room(row)
    # A row's checksum comes to lie where the next row then begins, so that nothing is copied.
    memory = np.empty(len(rows) * row + CHECKSUM, np.uint8)
    for start, place in zip(range(0, len(memory), row), rows, strict=False):
        chunk = memory[start : start + row + CHECKSUM]
        try:
            left_out, stored = dataset.id.read_direct_chunk((place, *rest), out=chunk)
        except (OSError, RuntimeError, ValueError):
            return None
        whole = left_out == 0 and len(stored) == len(chunk)
        if not whole or checksum(chunk[:row], words) != chunk[row:].tobytes():
            return None
    return memory[: len(rows) * row].view(dataset.dtype).reshape(len(rows), *dataset.shape[1:])


def checksum(values: np.ndarray, words: np.ndarray | None = None) -> bytes:
    """HDF5's Fletcher-32 of bytes, as :mod:`betrayed.io.chunks` defines it.

    As 2^16 is 1 modulo 2^16 − 1, a word whose bytes change places is multiplied by 2^8. So words
    are summed as the processor has them, and only the sums are multiplied.

    Args:
        values: (b,) uint8, b at most _MOST.
        words: memory to work in, of :func:`_room`, for many calls with the same b.

    Returns:
        4 bytes, as they lie behind a chunk.
    """
    words = _room(len(values)) if words is None else words
    count, odd = divmod(len(values), 2)
    line = words.reshape(-1)  # behind the words it has zeros, which add nothing
    line[:count] = values[: 2 * count].view("<u2")
    if odd:
        line[count] = values[-1]  # the high byte of a word; the low one is 0
    blocks = words.sum(axis=1, dtype=np.uint32).astype(np.uint64)
    places = words.sum(axis=0, dtype=np.uint32).astype(np.uint64)
    first = int(blocks.sum())
    # Word i, from 0, is at place i % _BLOCK of block i // _BLOCK, and counts m − i times.
    before = _BLOCK * int(blocks @ np.arange(len(blocks), dtype=np.uint64))
    before += int(places @ np.arange(_BLOCK, dtype=np.uint64))
    second = (count + odd) * first - before
    # A sum that is not 0 is never written as 0.
    return b"".join(
        ((256 * total - 1) % MODULUS + 1 if total else 0).to_bytes(2, "little")
        for total in (first, second)
    )


def _room(size: int) -> np.ndarray:
    """Zeros for the 16-bit words of so many bytes, in blocks, (blocks, _BLOCK) uint32."""
    return np.zeros((-(-size // (2 * _BLOCK)), _BLOCK), np.uint32)
