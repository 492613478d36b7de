"""Blocks of any size."""

from betrayed.block.block import SpatioTemporalBlock


def new_block(
    dim: int,
    heads: int = 8,
    mlp_ratio: float = 4.0,
    dropout: float = 0.1,
    attention_dropout: float = 0.4,
    output_dropout: str = "key",
) -> SpatioTemporalBlock:
    """A block with random weights."""
    return SpatioTemporalBlock(dim, heads, mlp_ratio, dropout, attention_dropout, output_dropout)
