"""The block's forward pass and both losses, slow and plain: the whole map, one query at a time.

Independent of betrayed.block.block and betrayed.training.losses but for the constants; it takes the
paper's order of tokens, c[1], k[1,·], c[2], k[2,·], …
"""

import math

import torch
import torch.nn.functional as F


def interleave(patch_tokens, class_tokens):
    """Tokens in the paper's order, and which of them are patch tokens."""
    tokens, is_patch = [], []
    for patches, cls in zip(patch_tokens, class_tokens, strict=True):
        tokens += [cls[None], patches]
        is_patch += [False] + [True] * len(patches)
    return torch.cat(tokens), torch.tensor(is_patch)


def full_map(block, patch_tokens, class_tokens, dropout=None):
    """Output z (T, N, D) and the map A (T, N, T, N).

    dropout: a function applied to the map (heads, M, M) in the paper's order of tokens; what it
    leaves is what the losses read AND what the output is made of, as in the paper's release.
    """
    frames, count, dim = patch_tokens.shape
    tokens, is_patch = interleave(patch_tokens, class_tokens)
    normed = F.layer_norm(tokens, (dim,), block.norm1.weight, block.norm1.bias)
    queries, keys, values = (normed @ block.attn.qkv.weight.T).split(dim, dim=1)
    width = dim // block.heads
    heads = [slice(h * width, (h + 1) * width) for h in range(block.heads)]
    attention = torch.stack(
        [(queries[:, h] @ keys[:, h].T / math.sqrt(width)).softmax(-1) for h in heads]
    )
    if dropout is not None:
        attention = dropout(attention)
    out = torch.cat([attention[i] @ values[:, h] for i, h in enumerate(heads)], dim=1)
    tokens = tokens + out @ block.attn.proj.weight.T + block.attn.proj.bias
    normed = F.layer_norm(tokens, (dim,), block.norm2.weight, block.norm2.bias)
    hidden = F.gelu(normed @ block.mlp.fc1.weight.T + block.mlp.fc1.bias)
    tokens = tokens + hidden @ block.mlp.fc2.weight.T + block.mlp.fc2.bias
    z = tokens[is_patch].reshape(frames, count, dim)
    mean = attention.mean(0)[is_patch][:, is_patch]
    return z, mean.reshape(frames, count, frames, count)


def semantic(z, attention, positions, positives, negatives, high=0.9, low=0.1):
    frames = z.shape[0]
    near, far = [], []
    for s in range(frames):
        for i in positions:
            for t in range(frames):
                order = attention[s, i, t].argsort(descending=True, stable=True)
                for j in order[:positives]:
                    near.append(F.relu(high - F.cosine_similarity(z[s, i], z[t, j], dim=0)))
                order = attention[s, i, t].argsort(stable=True)
                for j in order[:negatives]:
                    far.append(F.relu(F.cosine_similarity(z[s, i], z[t, j], dim=0) - low))
    return torch.stack(near).mean() + torch.stack(far).mean()


def motion(attention, positions, positives, negatives, margin=1.0, weighted=True, floor=1e-10):
    def share(s, i):
        row = attention[s, i].flatten()
        return row / row.sum()

    def log(row):
        return torch.log(row + floor)

    frames, total, entropies = attention.shape[0], 0.0, []
    for s in range(frames):
        losses, sureness = [], []
        for i in positions:
            a = share(s, i).detach()
            own = attention[s, i, s]
            pairs = []
            for p in own.argsort(descending=True, stable=True)[:positives]:
                for n in own.argsort(stable=True)[:negatives]:
                    toward, away = (a * log(share(s, p))).sum(), (a * log(share(s, n))).sum()
                    pairs.append(F.relu(away - toward + margin))
            losses.append(torch.stack(pairs).mean())
            sureness.append((a * log(a)).sum())
        entropies += [-value for value in sureness]
        weights = torch.stack(sureness).softmax(0) if weighted else 1 / len(positions)
        total = total + (weights * torch.stack(losses)).sum()
    return total / frames, torch.stack(entropies).mean()
