"""Chunks as an HDF5 file stores them, made on the device where their values are.

HDF5 makes checksums on the processor, one chunk at a time, and copies each twice: at the pace of a
GPU that is what all else waits for. A chunk that already has its checksum is written as it is.
"""

import h5py
import numpy as np
import torch
from torch import Tensor

from betrayed.io.row_reading import CHECKSUM, MODULUS, holds_rows


def makes_chunks(device: torch.device | str, dataset: h5py.Dataset) -> bool:
    """Whether rows that a device computes should be written with :func:`write_rows`.

    A processor gains nothing: HDF5 makes checksums faster there.
    """
    return torch.device(device).type == "cuda" and holds_rows(dataset)


def all_finite(values: Tensor) -> Tensor:
    """Whether values of float16 are finite, as a bool on their device.

    By their bits: a processor's ``isfinite`` takes float16 by way of float32, 25 times as long.
    """
    return (values.view(torch.int16) & 0x7FFF).amax() < 0x7C00


def with_checksums(rows: Tensor) -> Tensor:
    """Rows as chunks with HDF5's Fletcher-32 behind their values.

    Args:
        rows: (n, …), of a type of 2, 4 or 8 bytes.

    Returns:
        (n, bytes of a row + 4) uint8, on the same device.
    """
    values = rows.contiguous().flatten(1).view(torch.uint8)
    return torch.cat([values, fletcher32(values)], dim=1)


def fletcher32(rows: Tensor) -> Tensor:
    """The checksums that HDF5's filter of this name has for rows of bytes.

    With a row's 16-bit words w_1 … w_m, the high byte first, they are Σ w_i and Σ (m − i + 1) w_i
    modulo 2^16 − 1, where a sum that is not 0 is never written as 0 (HDF5, H5checksum.c; Fletcher,
    "An arithmetic checksum for serial transmissions", 1982).

    Args:
        rows: (n, b) uint8, b even and below 2^24, so that int64 holds all sums.

    Returns:
        (n, 4) uint8: the first sum, then the second, the low byte first.
    """
    words = rows.view(torch.int16).int()
    words = ((words & 0xFF) << 8) | ((words >> 8) & 0xFF)
    weights = torch.arange(words.shape[1], 0, -1, device=rows.device)
    sums = torch.stack([words.sum(dim=1), (words * weights).sum(dim=1)], dim=1)  # int64
    sums = torch.where(sums > 0, (sums - 1) % MODULUS + 1, 0)
    return torch.stack([sums & 0xFF, sums >> 8], dim=2).to(torch.uint8).flatten(1)


def write_rows(dataset: h5py.Dataset, first: int, chunks: np.ndarray) -> None:
    """Write rows from ``first`` on, given as chunks (n, b) uint8 of :func:`with_checksums`.

    Raises:
        ValueError: they are no chunks of this data set.
    """
    row = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))
    if not holds_rows(dataset) or chunks.shape[1] != row + CHECKSUM:
        raise ValueError(f"{dataset.name} does not hold such chunks")
    rest = (0,) * (dataset.ndim - 1)
    for place, chunk in enumerate(chunks, first):
        dataset.id.write_direct_chunk((place, *rest), chunk)
