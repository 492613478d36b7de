"""Single rows of an attention map, averaged over heads, without the map.

The losses read about two fifths of the rows of a training clip's map, and no head by itself. Here
a block of rows of one head is made at a time, small enough for the processor's cache, and made
again in the backward pass instead of being kept.
"""

from typing import Any

import torch
from torch import Tensor

# Entries of a block of rows: 2 MB in float32. On a GPU, where launches cost more than memory, a
# block is larger, and of all heads.
_BLOCK_CPU = 2**19
_BLOCK_GPU = 2**26


def head_mean_rows(
    queries: Tensor, keys: Tensor, columns: int, keep: Tensor | None = None, factor: float = 1.0
) -> Tensor:
    """mean over heads of dropout(softmax(queries · keysᵀ / √d)), its first ``columns`` columns.

    Args:
        queries: (H, R, d), before scaling.
        keys: (H, M, d).
        columns: how many columns to return; the softmax runs over all M.
        keep: (H, R, columns) bool, the entries that dropout keeps; None keeps all.
        factor: what kept entries are multiplied with, 1 / (1 - rate).

    Returns:
        (R, columns), differentiable once in queries and keys.
    """
    if keep is not None:
        keep = keep.view(torch.uint8)  # products with bytes are faster than with bools
    kind = _HeadMeanRows if queries.device.type == "cpu" else _AllHeadsMeanRows
    return kind.apply(queries, keys, columns, keep, factor)


def attention_rows(queries: Tensor, keys: Tensor) -> Tensor:
    """Attention of tokens over all tokens of the key frames, averaged over heads.

    Args:
        queries: (n, heads, d), before scaling.
        keys: (Tk, heads, N, d).

    Returns:
        (n, Tk·N) float32: mean over heads of softmax(q·k / √d), each row summing to 1. Column
        j·N + m is token m of key frame j.
    """
    queries = queries.float().transpose(0, 1)  # (heads, n, d)
    keys = keys.float().transpose(0, 1).flatten(1, 2)  # (heads, Tk·N, d)
    rows = head_mean_rows(queries, keys, columns=keys.shape[1])
    return rows.div_(rows.sum(dim=-1, keepdim=True))


def _softmax_block(queries: Tensor, keys: Tensor, buffer: Tensor) -> Tensor:
    """softmax(queries · keysᵀ) in ``buffer``; queries are scaled already."""
    scores = torch.mm(queries, keys.T, out=buffer)
    return torch.softmax(scores, -1, out=scores)


def _blocks(queries: Tensor, entries: int) -> list[slice]:
    """Slices of rows of which each has so many entries that a block of them keeps its size."""
    size = max(1, (_BLOCK_CPU if queries.device.type == "cpu" else _BLOCK_GPU) // entries)
    return [slice(start, start + size) for start in range(0, queries.shape[1], size)]


class _HeadMeanRows(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, keys: Tensor, columns: int, keep: Tensor | None, factor: float
    ) -> Tensor:
        heads, count, width = queries.shape
        queries = queries * width**-0.5
        rows = queries.new_zeros(count, columns)
        for part in _blocks(queries, keys.shape[1]):
            total = rows[part]
            buffer = queries.new_empty(total.shape[0], keys.shape[1])
            for head in range(heads):
                chances = _softmax_block(queries[head, part], keys[head], buffer)[:, :columns]
                total += chances if keep is None else chances.mul_(keep[head, part])
        ctx.save_for_backward(queries, keys, keep)
        ctx.columns, ctx.factor = columns, factor / heads
        return rows.mul_(ctx.factor)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        queries, keys, keep = ctx.saved_tensors
        heads, _, width = queries.shape
        columns = ctx.columns
        to_queries, to_keys = torch.empty_like(queries), torch.zeros_like(keys)
        for part in _blocks(queries, keys.shape[1]):
            upstream = gradient[part] * ctx.factor  # (r, columns)
            buffer = queries.new_empty(upstream.shape[0], keys.shape[1])
            masked = torch.empty_like(upstream)
            for head in range(heads):
                chances = _softmax_block(queries[head, part], keys[head], buffer)
                if keep is None:
                    masked.copy_(upstream)
                else:
                    torch.mul(upstream, keep[head, part], out=masked)
                # Softmax backwards: p · (g - Σ p·g), where g is zero in the columns left out.
                shift = torch.linalg.vecdot(chances[:, :columns], masked).unsqueeze(1)
                chances[:, :columns].mul_(masked.sub_(shift))
                chances[:, columns:].mul_(-shift)
                torch.mm(chances, keys[head], out=to_queries[head, part])
                to_keys[head].addmm_(chances.T, queries[head, part])
        return to_queries * width**-0.5, to_keys, None, None, None


class _AllHeadsMeanRows(torch.autograd.Function):
    """The same, all heads of a block at once: a few large operations where a GPU computes."""

    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, keys: Tensor, columns: int, keep: Tensor | None, factor: float
    ) -> Tensor:
        heads, count, width = queries.shape
        queries = queries * width**-0.5
        rows = queries.new_empty(count, columns)
        for part in _blocks(queries, heads * keys.shape[1]):
            chances = _softmax_blocks(queries[:, part], keys)[..., :columns]
            if keep is not None:
                chances.mul_(keep[:, part])
            torch.sum(chances, 0, out=rows[part])
        ctx.save_for_backward(queries, keys, keep)
        ctx.columns, ctx.factor = columns, factor / heads
        return rows.mul_(ctx.factor)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        queries, keys, keep = ctx.saved_tensors
        heads, _, width = queries.shape
        columns = ctx.columns
        to_queries, to_keys = torch.empty_like(queries), torch.zeros_like(keys)
        for part in _blocks(queries, heads * keys.shape[1]):
            chances = _softmax_blocks(queries[:, part], keys)  # (H, r, M)
            masked = (gradient[part] * ctx.factor).expand(heads, -1, -1)
            masked = masked.clone() if keep is None else masked * keep[:, part]  # (H, r, columns)
            shift = torch.linalg.vecdot(chances[..., :columns], masked).unsqueeze(-1)
            chances[..., :columns].mul_(masked.sub_(shift))
            chances[..., columns:].mul_(-shift)
            to_queries[:, part] = chances @ keys
            to_keys.baddbmm_(chances.mT, queries[:, part])
        return to_queries * width**-0.5, to_keys, None, None, None


def _softmax_blocks(queries: Tensor, keys: Tensor) -> Tensor:
    """softmax(queries · keysᵀ) of every head, (H, r, M); queries are scaled already."""
    scores = queries @ keys.mT
    return torch.softmax(scores, -1, out=scores)
