"""The training losses the plain way: the whole attention map, dropout on it, each row sorted.

What the library is measured against. It takes the library's block and gives, without dropout, the
library's losses.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from betrayed.block.block import SpatioTemporalBlock
from betrayed.training.losses import LOG_FLOOR, LossSettings, sample_sizes


def plain_loss(
    block: SpatioTemporalBlock,
    patch_tokens: Tensor,
    class_tokens: Tensor,
    positions: Tensor,
    settings: LossSettings,
) -> Tensor:
    """Sum of both losses of a clip (T, N, D), (T, D) with the query positions (Q,)."""
    z, attention = whole_map(block, patch_tokens, class_tokens)  # (T, N, D), (T, N, T, N)
    order = attention.argsort(-1, descending=True)
    return semantic(z, order[:, positions], positions, settings) + motion(
        attention, order, positions, settings
    )


def whole_map(
    block: SpatioTemporalBlock, patch_tokens: Tensor, class_tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """The block's output z (T, N, D), and its map averaged over heads (T, N, T, N)."""
    frames, count, _ = patch_tokens.shape
    patches = frames * count
    attention_rate, rate = block.attn.row_rate, block.attn.drop.rate
    tokens = torch.cat([patch_tokens.flatten(0, 1), class_tokens])  # (M, D)
    queries, keys, values = block.attn.split(block.norm1(tokens))  # 3 x (H, M, d)
    attention = (queries @ keys.mT * queries.shape[-1] ** -0.5).softmax(-1)  # (H, M, M)
    attention = F.dropout(attention, attention_rate, block.training)
    out = block.attn.proj((attention @ values).transpose(0, 1).flatten(1))
    tokens = (tokens + F.dropout(out, rate, block.training))[:patches]
    hidden = F.gelu(block.mlp.fc1(block.norm2(tokens)))
    out = block.mlp.fc2(F.dropout(hidden, rate, block.training))
    z = tokens + F.dropout(out, rate, block.training)
    mean = attention.mean(0)[:patches, :patches]
    return z.view(frames, count, -1), mean.view(frames, count, frames, count)


def semantic(z: Tensor, order: Tensor, positions: Tensor, settings: LossSettings) -> Tensor:
    """The semantic loss from z (T, N, D) and the queries' tokens by attention (T, Q, T, N)."""
    frames, count, dim = z.shape
    positives, negatives = sample_sizes(count, settings.positives, settings.negatives)
    directions = F.normalize(z, dim=-1)
    every = directions.expand(frames, len(positions), frames, count, dim)

    def cosines(tokens: Tensor) -> Tensor:
        chosen = every.gather(3, tokens.unsqueeze(-1).expand(*tokens.shape, dim))
        return torch.einsum("sqtkc,sqc->sqtk", chosen, directions[:, positions])

    near = F.relu(settings.positive_margin - cosines(order[..., :positives]))
    far = F.relu(cosines(order[..., -negatives:]) - settings.negative_margin)
    return near.mean() + far.mean()


def motion(attention: Tensor, order: Tensor, positions: Tensor, settings: LossSettings) -> Tensor:
    """The motion loss from the map and the tokens of each frame by attention (T, N, T, N)."""
    frames, count = attention.shape[:2]
    positives, negatives = sample_sizes(count, settings.frame_positives, settings.frame_negatives)
    every = torch.arange(frames)
    own = order[every, :, every][:, positions]  # (T, Q, N)
    shares = F.normalize(attention.flatten(2), p=1, dim=-1)  # (T, N, P)
    given = shares[:, positions].detach()  # (T, Q, P)

    def agreement(tokens: Tensor) -> Tensor:
        rows = shares[every.view(-1, 1, 1), tokens]  # (T, Q, ·, P)
        return torch.einsum("tqkp,tqp->tqk", (rows + LOG_FLOOR).log(), given)

    towards, away = agreement(own[..., :positives]), agreement(own[..., -negatives:])
    triplets = F.relu(away.unsqueeze(-2) - towards.unsqueeze(-1) + settings.margin)
    sureness = (given * (given + LOG_FLOOR).log()).sum(-1)  # (T, Q)
    return (sureness.softmax(-1) * triplets.mean((-2, -1))).sum(-1).mean()
