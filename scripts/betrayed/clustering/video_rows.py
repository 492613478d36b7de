"""The attention rows of a video's tokens, as clustering reads them."""

import torch
from torch import Tensor

from betrayed.block.rows import attention_rows
from betrayed.clustering.bounds import Projection, directions, project
from betrayed.clustering.fusing import kernels_for
from betrayed.clustering.row_parts import RecomputedRows, RowParts, stored_attention_rows
from betrayed.errors import UserError

SAMPLE = 256  # tokens whose rows say in which directions rows differ
MOST_DIRECTIONS = 128
REST = 1e-3  # what the directions may leave of a row, in shares of the smallest tau


class VideoRows:
    """Attention rows of a video's tokens over its key frames, made from queries and keys when read.

    Tokens are numbered in row-major order: frame by frame, in a frame token by token.

    Args:
        queries: (T, heads, N, d) of all frames, before scaling by d^-1/2.
        keys: (Tk, heads, N', d) of the key frames.
        tau: the smallest threshold that rows will be compared with.
        device: where to compute; the queries stay where they are.

    Attributes:
        queries: as given.
        keys: the same where rows are computed, as float32; or as they are, if kernels multiply
            float16.
        device: where that is.
        frames, patches: T and N.
        columns: Tk·N'.
        directions: those in which the rows differ, from tokens all over the video.

    Raises:
        UserError: rows are not finite.
    """

    def __init__(self, queries: Tensor, keys: Tensor, tau: float, device: torch.device) -> None:
        self.queries, self.device = queries, device
        self._has_kernels = kernels_for(device) is not None
        halves = queries.dtype == keys.dtype == torch.float16
        self._type = torch.float16 if halves and self._has_kernels else torch.float32
        # Heads first in memory: rows then read the keys as they lie, without a copy.
        self.keys = self._there(keys).transpose(0, 1).contiguous().transpose(0, 1)
        self.frames, _, self.patches, _ = queries.shape
        self.columns = keys.shape[0] * keys.shape[2]
        count = self.frames * self.patches
        sample = self.of_tokens(torch.linspace(0, count - 1, min(SAMPLE, count)).long())
        _check_finite(sample)
        # Kernels take hardly longer for more directions, and are built for their number; and every
        # pair that is left open costs time.
        rest = 0.0 if self._has_kernels else REST * tau
        self.directions = directions(sample, MOST_DIRECTIONS, rest)

    def of_tokens(self, tokens: Tensor) -> Tensor:
        """Rows (n, M) of some tokens, numbers (n,)."""
        tokens = tokens.to(self.queries.device)
        queries = self.queries[tokens // self.patches, :, tokens % self.patches]  # (n, heads, d)
        queries = queries.to(self.device).to(self._type)
        if not self._has_kernels:
            return attention_rows(queries, self.keys)
        into = self.keys.new_empty(len(queries), self.columns, dtype=torch.float32)
        return stored_attention_rows(queries, self.keys, into).values

    def of_frames(self, frames: slice, into: Tensor | None) -> RowParts:
        """Rows of all tokens of some frames: kept in ``into`` (n or more, M), or made when read."""
        queries = self._there(self.queries[frames])  # (t, heads, N, d)
        queries = queries.transpose(1, 2).flatten(0, 1)  # (t·N, heads, d)
        if into is None:
            return RecomputedRows(queries, self.keys)
        return stored_attention_rows(queries, self.keys, into[: len(queries)])

    def _there(self, values: Tensor) -> Tensor:
        """Some of what was given, where rows are computed; a GPU is not waited for."""
        onto_gpu = self.device.type == "cuda"  # what goes to the host has to be waited for
        return values.to(self.device, non_blocking=onto_gpu).to(self._type)

    def project(self, rows: RowParts) -> Projection:
        """What bounds the divergences of rows: the video's own, or means of them.

        Raises:
            UserError: rows are not finite.
        """
        projection = project(rows, self.directions)
        _check_finite(projection.products)
        return projection


def _check_finite(values: Tensor) -> None:
    if not torch.isfinite(values.sum()):
        raise UserError("Attention overflows: the queries and keys are too large for float32.")
