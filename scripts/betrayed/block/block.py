"""The spatio-temporal block: one pre-norm Transformer block over all tokens of a clip.

Dimensions in shape comments: T frames, N patch tokens a frame, P = T·N, M = P + T tokens with the
class tokens, H heads, d = D/H channels a head, R attention rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from betrayed.block.dropout import Dropout, drop_tokens, keep_mask
from betrayed.block.rows import head_mean_rows
from betrayed.errors import UserError

OUTPUT_DROPOUTS = ("key", "attention")


@dataclass(frozen=True)
class ClipAttention:
    """The attention map of a clip in factored form; rows of it are made when they are asked for.

    Attributes:
        queries: (H, M, d), patch tokens first, frame by frame, then the class tokens.
        keys: (H, M, d), in the same order.
        frames: T.
        draw: makes the dropout of rows: patch tokens (R,) → kept entries (H, R, P) bool and
            the factor for them; None leaves rows as they are.
    """

    queries: Tensor
    keys: Tensor
    frames: int
    draw: Callable[[Tensor], tuple[Tensor, float]] | None = None

    def rows(self, tokens: Tensor) -> Tensor:
        """Rows of the map, averaged over heads, after dropout, without class-token columns.

        Args:
            tokens: (R,) int64 patch tokens t·N + n. Each call draws dropout anew, so ask for a
                row once only.

        Returns:
            (R, T, N) float32 (float64 for a block in float64). Rows are softmax over all M
            tokens; what the class tokens took is missing from their sum.
        """
        patches = self.keys.shape[1] - self.frames
        keep, factor = (None, 1.0) if self.draw is None else self.draw(tokens)
        rows = head_mean_rows(self.queries[:, tokens], self.keys, patches, keep, factor)  # (R, P)
        return rows.unflatten(1, (self.frames, -1))


class Attention(nn.Module):
    """Multi-head self-attention whose single rows can be read."""

    def __init__(self, dim: int, heads: int, rate: float, row_rate: float, output: str) -> None:
        super().__init__()
        self.heads = heads
        self.row_rate = row_rate
        self.output_dropout = output
        self.qkv = nn.Linear(dim, dim * 3, bias=False)
        self.proj = nn.Linear(dim, dim)
        self.drop = Dropout(rate)

    def split(self, tokens: Tensor) -> Tensor:
        """Queries, keys and values (3, …, H, n, d) of tokens (…, n, D), unscaled."""
        qkv = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))  # (…, n, 3, H, d)
        return qkv.movedim((-3, -2), (0, -3))

    def forward(self, tokens: Tensor, frames: int) -> tuple[Tensor, ClipAttention]:
        """Output (M, D) and the attention of tokens (M, D)."""
        queries, keys, values = self.split(tokens)  # 3 x (H, M, d)
        rate = self.row_rate if self.training else 0.0
        patches = tokens.shape[0] - frames

        def draw(wanted: Tensor) -> tuple[Tensor, float]:
            return keep_mask((self.heads, wanted.numel(), patches), rate, tokens.device)

        # Rows are read in full precision under mixed precision too: their logarithm matters.
        exact = torch.promote_types(queries.dtype, torch.float32)
        attention = ClipAttention(
            queries.to(exact), keys.to(exact), frames, draw if rate > 0 else None
        )
        inside = rate if self.output_dropout == "attention" else 0.0
        if self.output_dropout == "key" and rate > 0:
            keys, values = drop_tokens(keys, values, rate)
        out = F.scaled_dot_product_attention(  # (H, M, d)
            queries.unsqueeze(0), keys.unsqueeze(0), values.unsqueeze(0), dropout_p=inside
        ).squeeze(0)
        return self.drop(self.proj(out.transpose(0, 1).flatten(1))), attention


class Mlp(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, dim: int, hidden: int, rate: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)
        self.drop = Dropout(rate)

    def forward(self, tokens: Tensor) -> Tensor:
        """(M, D) → (M, D)."""
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(tokens)))))


class SpatioTemporalBlock(nn.Module):
    """One pre-norm Transformer block over the tokens of all frames of a clip; no positional code.

    Args:
        dim: width D of the backbone's tokens.
        heads: attention heads; divides ``dim``.
        mlp_ratio: hidden width of the MLP over ``dim``.
        dropout: rate after the projection and after both layers of the MLP.
        attention_dropout: rate on the attention.
        output_dropout: what ``attention_dropout`` means for the output z. ``"attention"`` drops
            entries of the map, as the paper's release does; on a CPU that makes the whole map.
            ``"key"`` drops tokens before the softmax, per head and with one draw for all
            queries: attention stays fused and costs less. The rows that the losses read lose
            single entries either way.

    Raises:
        UserError: ``heads`` does not divide ``dim``, or ``output_dropout`` is unknown.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        mlp_ratio: float,
        dropout: float,
        attention_dropout: float,
        output_dropout: str,
    ) -> None:
        super().__init__()
        if dim % heads:
            raise UserError(f"{heads} heads do not divide the features' width {dim}: change heads.")
        if output_dropout not in OUTPUT_DROPOUTS:
            raise UserError(f"output_dropout is one of {OUTPUT_DROPOUTS}, not {output_dropout!r}.")
        self.dim = dim
        self.heads = heads
        self.norm1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, heads, dropout, attention_dropout, output_dropout)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), dropout)

    def forward(self, patch_tokens: Tensor, class_tokens: Tensor) -> tuple[Tensor, ClipAttention]:
        """Output and attention of one clip.

        The paper's input is c[1], k[1,·], c[2], k[2,·], …; without a positional code the order
        makes no difference, and with the class tokens last, leaving them out costs no copy.

        Args:
            patch_tokens: (T, N, D).
            class_tokens: (T, D).

        Returns:
            z (T, N, D), and the attention, whose rows are made on demand.
        """
        frames, count, _ = patch_tokens.shape
        tokens = torch.cat([patch_tokens.flatten(0, 1), class_tokens])  # (M, D)
        attended, attention = self.attn(self.norm1(tokens), frames)
        tokens = tokens + attended
        tokens = tokens[: frames * count]  # nothing reads the class tokens from here on
        tokens = tokens + self.mlp(self.norm2(tokens))
        return tokens.unflatten(0, (frames, count)), attention

    def queries_keys(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """All that inference uses: queries and keys (T, H, N, d), unscaled, of tokens (T, N, D)."""
        queries, keys, _ = self.attn.split(self.norm1(tokens))
        return queries, keys
