"""The two losses of the method (Ding et al., "Betrayed by Attention", ECCV 2024).

Dimensions in shape comments: T frames, N patch tokens a frame, P = T·N, Q query positions,
S = T·Q queries, R attention rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from betrayed.config.training import LossSettings

# Added to each entry of a row that sums to 1, before its logarithm: dropout can empty an entry in
# all heads. A row of 2760 entries has some 4e-4 in each, so this changes no other entry.
LOG_FLOOR = 1e-10


@dataclass(frozen=True)
class Losses:
    """What a clip gives, as scalars: ``total`` is differentiable, ``entropy`` (nats) is not."""

    total: Tensor
    semantic: Tensor
    motion: Tensor
    entropy: Tensor


def clip_losses(
    z: Tensor, rows: Callable[[Tensor], Tensor], positions: Tensor, settings: LossSettings
) -> Losses:
    """Both losses of one clip, and the mean entropy of its queries' rows.

    Args:
        z: (T, N, D), the block's output.
        rows: gives attention rows (R, T, N) of patch tokens (R,), t·N + n; called twice, never
            for the same token.
        positions: (Q,) int64, distinct query positions within a frame.
        settings: the constants.
    """
    frames, count, _ = z.shape
    offsets = torch.arange(frames, device=z.device).unsqueeze(1) * count
    queries = offsets + positions  # (T, Q)
    query_rows = rows(queries.flatten()).unflatten(0, queries.shape)  # (T, Q, T, N)
    semantic = semantic_consistency(z, query_rows, queries, settings)
    motion, entropy = motion_consistency(rows, query_rows, queries, settings)
    total = settings.semantic_weight * semantic + settings.motion_weight * motion
    return Losses(total, semantic, motion, entropy)


def semantic_consistency(
    z: Tensor, query_rows: Tensor, queries: Tensor, settings: LossSettings
) -> Tensor:
    """What a token attends to should look like it; what it ignores should not.

    For every query and frame: mean relu(0.9 - cos) over the most attended tokens plus mean
    relu(cos - 0.1) over the least attended ones. Gradients flow through z only.

    Args:
        z: (T, N, D).
        query_rows: (T, Q, T, N), attention of the queries.
        queries: (T, Q) int64 patch tokens t·N + n.
        settings: the constants.
    """
    # (T, Q, T, ·)
    most, least = most_and_least_attended(query_rows, settings.positives, settings.negatives)
    directions = F.normalize(z.flatten(0, 1), dim=-1)  # (P, D)
    cosines = directions[queries.flatten()] @ directions.T  # (S, P)
    cosines = cosines.view_as(query_rows)
    near = F.relu(settings.positive_margin - cosines.gather(-1, most))
    far = F.relu(cosines.gather(-1, least) - settings.negative_margin)
    return near.mean() + far.mean()


def motion_consistency(
    rows: Callable[[Tensor], Tensor], query_rows: Tensor, queries: Tensor, settings: LossSettings
) -> tuple[Tensor, Tensor]:
    """What a query attends to within its frame should attend to the same places of the clip.

    a = rows with their sum made 1; g(r) = Σ a[query] · log a[r]; triplet relu(g⁻ - g⁺ + 1) over
    all pairs of positives and negatives of the query's own frame, averaged over pairs and
    frames, and over a frame's queries with the weights softmax(Σ a · log a). The query's row
    counts as given (detached) in g and in the weights: gradients flow through log a[r].

    Args:
        rows: gives attention rows (R, T, N) of patch tokens (R,).
        query_rows: (T, Q, T, N), attention of the queries.
        queries: (T, Q) int64 patch tokens t·N + n.
        settings: the constants.

    Returns:
        The loss, and the mean entropy of the queries' rows in nats.
    """
    frames, _, _, count = query_rows.shape
    every = torch.arange(frames, device=queries.device)
    same_frame = query_rows[every, :, every]  # (T, Q, N), each frame's queries in that frame
    most, least = most_and_least_attended(
        same_frame, settings.frame_positives, settings.frame_negatives
    )
    offsets = every.view(-1, 1, 1) * count
    most, least = most + offsets, least + offsets  # (T, Q, ·) patch tokens

    # A row's dropout is drawn once: queries that are read as another's pair are not made again.
    read = torch.cat([most.flatten(), least.flatten()])
    padded = queries.device.type == "cuda"
    others = read_besides(read, queries.flatten(), frames * count, padded)
    made = torch.cat([query_rows.flatten(0, 1), rows(others)]).flatten(1)  # (R, P)
    place = queries.new_full((frames * count,), -1)
    place[torch.cat([queries.flatten(), others])] = torch.arange(len(made), device=place.device)

    shares = made / made.sum(-1, keepdim=True).clamp_min(LOG_FLOOR)
    logs = (shares + LOG_FLOOR).log()
    given = shares[: queries.numel()].detach()  # (S, P)
    agreement = (given @ logs.T).unflatten(0, queries.shape)  # (T, Q, R)
    towards = agreement.gather(-1, place[most])  # (T, Q, positives)
    away = agreement.gather(-1, place[least])  # (T, Q, negatives)
    triplets = F.relu(away.unsqueeze(-2) - towards.unsqueeze(-1) + settings.margin)
    triplets = triplets.mean((-2, -1))  # (T, Q)

    given_logs = logs[: queries.numel()].detach()
    negative_entropy = (given * given_logs).sum(-1).view_as(queries)
    if settings.entropy_weight:
        loss = (negative_entropy.softmax(-1) * triplets).sum(-1).mean()
    else:
        loss = triplets.mean()
    return loss, -negative_entropy.mean()


def read_besides(read: Tensor, queries: Tensor, tokens: int, padded: bool) -> Tensor:
    """Those of ``read`` that are no queries, each once.

    Args:
        read: (n,) int64, of tokens 0 to ``tokens`` - 1; they may repeat.
        queries: (S,) int64, distinct ones.
        tokens: how many there are.
        padded: filled up with others that nobody reads, to as many as there can be: a GPU would
            have to wait for their number.
    """
    wanted = queries.new_zeros(tokens).index_fill_(0, read, 1).index_fill_(0, queries, -1)
    if not padded:
        return (wanted > 0).nonzero()[:, 0]
    order = wanted.sort(descending=True, stable=True).indices  # queries come last
    return order[: min(len(read), tokens - len(queries))]


def most_and_least_attended(
    attention: Tensor, positives: int, negatives: int
) -> tuple[Tensor, Tensor]:
    """Indices of the most and the least attended tokens; among equals, the lower index first.

    Args:
        attention: (…, N).
        positives: how many of the most attended.
        negatives: how many of the least attended; see
            :class:`betrayed.config.training.LossSettings` for small N.

    Returns:
        (…, positives) and (…, negatives) int64.
    """
    positives, negatives = sample_sizes(attention.shape[-1], positives, negatives)
    attention = attention.detach()
    # Sorting is stable where topk promises nothing: a seed gives one result everywhere.
    most = attention.sort(dim=-1, descending=True, stable=True).indices[..., :positives]
    least = attention.sort(dim=-1, stable=True).indices[..., :negatives]
    return most, least


def sample_sizes(count: int, positives: int, negatives: int) -> tuple[int, int]:
    """Positives and negatives for a frame of ``count`` tokens, shrunk in proportion to fit."""
    wanted = positives + negatives
    if wanted <= count:
        return positives, negatives
    return max(1, positives * count // wanted), max(1, negatives * count // wanted)
