"""The clustering in float64 and plain loops: slow, independent, and plain to see."""

import math

import numpy as np

SMALLEST = 1e-12  # logarithms are of max(p, SMALLEST)


def rows_of(queries, keys):
    """Attention row of every token, as a list over frames of lists over tokens."""
    frames, heads, patches, width = queries.shape
    rows = []
    for t in range(frames):
        for n in range(patches):
            total = np.zeros(keys.shape[0] * patches)
            for head in range(heads):
                logits = []
                for key_frame in range(keys.shape[0]):
                    for m in range(patches):
                        dot = float(np.dot(queries[t, head, n], keys[key_frame, head, m]))
                        logits.append(dot / math.sqrt(width))
                weights = np.exp(np.array(logits) - max(logits))
                total += weights / weights.sum()
            rows.append(total / total.sum())
    return rows


def divergence(p, q):
    logs = np.log(np.maximum(p, SMALLEST)) - np.log(np.maximum(q, SMALLEST))
    return float(np.sum((p - q) * logs))


def mean_of(rows):
    mean = sum(rows) / len(rows)
    return mean / mean.sum()


def mean_shift(rows, tau):
    return [mean_of([q for q in rows if divergence(p, q) <= tau]) for p in rows]


def leaders(rows, tau):
    """Centres after one round of greedy leader merging."""
    left, centres = list(range(len(rows))), []
    while left:
        leader = left[0]
        members = [i for i in left if divergence(rows[leader], rows[i]) <= tau]
        centres.append(mean_of([rows[i] for i in members]))
        left = [i for i in left if i not in members]
    return centres


def naive_clustering(queries, keys, tau, window=3):
    """Labels (T, N) in order of first appearance, and the centres in that order."""
    queries, keys = np.asarray(queries, np.float64), np.asarray(keys, np.float64)
    frames, _, patches, _ = queries.shape
    rows = rows_of(queries, keys)
    centres = []
    for start in range(0, frames, window):
        mine = rows[start * patches : (start + window) * patches]
        centres += leaders(mean_shift(mine, tau), tau)
    while True:
        merged = leaders(centres, tau)
        done = len(merged) == len(centres)
        centres = merged
        if done:
            break
    nearest = []
    for row in rows:
        distances = [divergence(row, centre) for centre in centres]
        nearest.append(distances.index(min(distances)))
    order = list(dict.fromkeys(nearest))
    labels = np.array([order.index(label) for label in nearest]).reshape(frames, patches)
    return labels, np.array([centres[old] for old in order])
