"""Attention rows of many tokens, read a few columns at a time.

Rows of a window that fit in memory are kept; others are made again wherever they are read.
"""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from betrayed.block.rows import attention_rows
from betrayed.clustering.fusing import kernels_for

# Numbers in a part: enough for fast products. And in a tile of a part, where numbers are taken one
# by one: few enough for a processor's cache. A GPU's parts of 64 MB are products of some 10^10
# operations with a block of a window's rows, so that starting them costs little; a dozen is held.
PART_CPU, TILE_CPU = 2**21, 2**18
PART_GPU, TILE_GPU = 2**24, 2**24


class RowParts(Protocol):
    """n rows of M columns."""

    shape: tuple[int, int]

    def parts(self, whole: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """All columns from left to right: which, and what stands there, (n, c).

        Args:
            whole: they may come in one part, since nothing as large is made of it.
        """


class StoredRows:
    """Rows (n, M) in memory."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self.shape = tuple(values.shape)

    def parts(self, whole: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """See :class:`RowParts`."""
        if whole:
            yield slice(0, self.shape[1]), self.values
            return
        for part in _parts(*reversed(self.shape), self.values.device):
            yield part, self.values[:, part]


class RecomputedRows:
    """Attention rows of tokens (n, heads, d) over keys (Tk, heads, N', d), made when read."""

    def __init__(self, tokens: Tensor, keys: Tensor) -> None:
        self._tokens, self._keys = tokens, _by_head(keys)  # (heads, M, d)
        self.shape = (len(tokens), self._keys.shape[1])
        self._kernels = kernels_for(keys.device)
        # A softmax over all columns needs their sum before the first one can be made.
        if self._kernels is not None:
            self._log_sums = self._kernels.log_sums(tokens, self._keys)
            return
        self._queries = tokens.transpose(0, 1) * tokens.shape[-1] ** -0.5  # (heads, n, d)
        self._log_sums = tokens.new_full(self._queries.shape[:2], -torch.inf)  # (heads, n)
        for head, sums in enumerate(self._log_sums):
            for part in self._places():
                scores = self._queries[head] @ self._keys[head, part].T
                torch.logaddexp(sums, scores.logsumexp(dim=1), out=sums)

    def parts(self, whole: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """See :class:`RowParts`."""
        heads = len(self._keys)
        for part in self._places():
            rows = self._log_sums.new_zeros(self.shape[0], len(range(self.shape[1])[part]))
            if self._kernels is not None:
                self._kernels.mean_rows(self._tokens, self._keys[:, part], self._log_sums, rows)
                yield part, rows
                continue
            for head in range(heads):
                scores = self._queries[head] @ self._keys[head, part].T
                rows += scores.sub_(self._log_sums[head, :, None]).exp_()
            yield part, rows.div_(heads)

    def _places(self) -> Iterator[slice]:
        return _parts(*reversed(self.shape), self._keys.device)


def stored_attention_rows(tokens: Tensor, keys: Tensor, into: Tensor) -> StoredRows:
    """Attention rows of tokens (n, heads, d) over keys (Tk, heads, N', d), in ``into`` (n, M).

    Each sums to 1, see :func:`betrayed.block.rows.attention_rows`.
    """
    if kernels := kernels_for(into.device):
        by_head = _by_head(keys)
        kernels.mean_rows(tokens, by_head, kernels.log_sums(tokens, by_head), into)
        into.div_(into.sum(dim=1, keepdim=True))
        return StoredRows(into)
    for some in _parts(*into.shape, into.device):
        into[some] = attention_rows(tokens[some], keys)
    return StoredRows(into)


def _by_head(keys: Tensor) -> Tensor:
    """Keys (Tk, heads, N', d), heads first in memory, as (heads, Tk·N', d) without a copy."""
    return keys.transpose(0, 1).flatten(1, 2)


def store(rows: RowParts, into: Tensor) -> StoredRows:
    """Rows in memory from now on: the first n of ``into``, which may be what they are made from."""
    into = into[: rows.shape[0]]
    for part, values in rows.parts():
        into[:, part] = values
    return StoredRows(into)


def tiles(count: int, width: int, device: torch.device) -> Iterator[slice]:
    """Slices over ``count`` things of ``width`` numbers each, a tile each."""
    return _slices(count, width, TILE_CPU if device.type == "cpu" else TILE_GPU)


def _parts(count: int, width: int, device: torch.device) -> Iterator[slice]:
    return _slices(count, width, PART_CPU if device.type == "cpu" else PART_GPU)


def _slices(count: int, width: int, numbers: int) -> Iterator[slice]:
    step = max(1, numbers // width)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
