"""The obviously right slow versions of the scores: pair by pair, pixel by pixel."""

import math
from itertools import combinations, permutations

import numpy as np


def jaccard(truth, mask, void):
    """IoU of two (H, W) bool masks outside void; 1 when both are empty."""
    intersection = union = 0
    for y, x in np.ndindex(truth.shape):
        if not void[y, x]:
            intersection += truth[y, x] and mask[y, x]
            union += truth[y, x] or mask[y, x]
    return intersection / union if union else 1.0


def outline(mask):
    """Pixels (y, x) that differ from the right, lower or lower right neighbour inside the image.

    The last row looks right only, the last column down only.
    """
    height, width = mask.shape
    found = []
    for y, x in np.ndindex(mask.shape):
        neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
        inside = [(v, u) for v, u in neighbours if v < height and u < width]
        if any(mask[y, x] != mask[v, u] for v, u in inside):
            found.append((y, x))
    return found


def boundary_f(truth, mask, void):
    """F of two (H, W) bool masks; void is cleared from both first."""
    radius = math.ceil(0.008 * math.sqrt(truth.shape[0] ** 2 + truth.shape[1] ** 2))
    theirs, ours = outline(truth & ~void), outline(mask & ~void)
    if not theirs and not ours:
        return 1.0
    if not theirs or not ours:
        return 0.0

    def near(point, line):
        return any((point[0] - y) ** 2 + (point[1] - x) ** 2 <= radius**2 for y, x in line)

    precision = sum(near(point, theirs) for point in ours) / len(ours)
    recall = sum(near(point, ours) for point in theirs) / len(theirs)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def best_assignment(scores):
    """(G, P) scores, G <= P: the proposals of the assignment with the greatest sum, all tried."""
    n_objects, n_proposals = scores.shape
    return max(
        permutations(range(n_proposals), n_objects),
        key=lambda chosen: sum(scores[g, p] for g, p in enumerate(chosen)),
    )


def davis_frames(annotations, proposals, matching):
    """J and F, each (G, T), of the matched pairs, objects in order."""
    first = annotations[0]
    n_objects = max([int(i) for i in first.ravel() if i != 255], default=0)
    n_proposals = max(int(proposals.max()), n_objects)
    shape = (len(annotations), n_objects, n_proposals)
    j, f = np.zeros(shape), np.zeros(shape)
    for t, g, p in np.ndindex(shape):
        void = annotations[t] == 255
        pair = (annotations[t] == g + 1, proposals[t] == p + 1, void)
        j[t, g, p], f[t, g, p] = jaccard(*pair), boundary_f(*pair)
    if matching == "sequence":
        chosen = [best_assignment((j.mean(axis=0) + f.mean(axis=0)) / 2)] * len(j)
    else:
        chosen = [best_assignment(j[t] + f[t]) for t in range(len(j))]
    pick = [[(t, g, chosen[t][g]) for t in range(len(j))] for g in range(n_objects)]
    return tuple(np.array([[s[i] for i in row] for row in pick]) for s in (j, f))


def rand_index(truth, labels):
    """Adjusted Rand index of two lists of labels from all pairs of pixels."""
    both = first = second = pairs = 0
    for a, b in combinations(range(len(truth)), 2):
        same_truth, same_label = truth[a] == truth[b], labels[a] == labels[b]
        both += same_truth and same_label
        first += same_truth
        second += same_label
        pairs += 1
    if both == first == second:
        return 1.0
    expected = first * second / pairs
    return (both - expected) / ((first + second) / 2 - expected)


def assigned(annotations, labels):
    """Objects, their segments and their IoUs with every assignment tried.

    The number of segments must be at least the objects'.
    """
    objects = sorted(set(annotations.ravel().tolist()) - {0, 255})
    segments = sorted(set(labels.ravel().tolist()))
    overlap = np.zeros((len(objects), len(segments)))
    for (i, g), (k, s) in [(a, b) for a in enumerate(objects) for b in enumerate(segments)]:
        values = []
        for annotation, label in zip(annotations, labels, strict=True):
            truth, mask, valid = annotation == g, label == s, annotation != 255
            if ((truth | mask) & valid).any():
                values.append((truth & mask & valid).sum() / ((truth | mask) & valid).sum())
        overlap[i, k] = np.mean(values) if values else 0.0
    chosen = best_assignment(overlap)
    return objects, [segments[k] for k in chosen], [overlap[i, k] for i, k in enumerate(chosen)]


def mean_iou(annotations, labels):
    """mIoU; see assigned."""
    return float(np.mean(assigned(annotations, labels)[2]))


def relabel(annotations, labels):
    """Each segment as the id of its object, all others 0, as SOLV does before FG-ARI."""
    result = np.zeros(labels.shape, int)
    for number, segment in zip(*assigned(annotations, labels)[:2], strict=True):
        result[labels == segment] = number
    return result


def mean_best_overlap(annotations, labels):
    """For each object the best IoU of any segment, pixels of all frames together; their mean."""
    valid, best = annotations != 255, []
    for number in set(annotations.ravel().tolist()) - {0, 255}:
        ious = []
        for segment in set(labels.ravel().tolist()):
            truth, mask = (annotations == number) & valid, (labels == segment) & valid
            ious.append((truth & mask).sum() / (truth | mask).sum())
        best.append(max(ious))
    return float(np.mean(best))


def blobs(rng, shape, ids):
    """Random ids in blocks of 3 × 3 pixels, so that masks have insides."""
    frames, height, width = shape
    small = rng.choice(ids, (frames, -(-height // 3), -(-width // 3)))
    return small.repeat(3, axis=1).repeat(3, axis=2)[:, :height, :width].astype(np.uint8)
