"""Average linkage of weighted points: the tree in which they join, and the groups at a height."""

import numpy as np


def average_linkage(likeness: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Join the two groups that are most alike on average, again and again.

    The likeness of two groups is the mean over their pairs, each pair counting by the product of
    its weights. Found by following nearest neighbours (Murtagh, 1983), which gives the same tree
    as joining the best pair each time, in n² steps.

    Args:
        likeness: (n, n) symmetric; the diagonal does not count.
        weights: (n,) above 0.

    Returns:
        (n − 1, 3): two groups and their likeness, most alike first. Points are groups 0 … n−1,
        the group made by row r is n + r.
    """
    n = len(weights)
    mean = likeness.astype(np.float64)
    np.fill_diagonal(mean, -np.inf)
    weight = weights.astype(np.float64)
    active = np.ones(n, bool)
    # At which each group was joined; never below its parts' by rounding.
    height = np.full(n, np.inf)
    joins: list[tuple[int, int, float]] = []
    chain: list[int] = []
    while len(joins) < n - 1:
        if not chain:
            chain.append(int(active.argmax()))
        last = chain[-1]
        nearest = int(mean[last].argmax())
        # A tie with the one before must end the chain, or it would never end.
        if len(chain) > 1 and mean[last, chain[-2]] >= mean[last, nearest]:
            nearest = chain[-2]
        if len(chain) > 1 and nearest == chain[-2]:
            chain = chain[:-2]
            one, other = sorted((last, nearest))
            height[one] = min(mean[last, nearest], height[one], height[other])
            joins.append((one, other, float(height[one])))
            share = weight[one] / (weight[one] + weight[other])
            joined = share * mean[one] + (1 - share) * mean[other]
            mean[one], mean[:, one] = joined, joined
            mean[other], mean[:, other] = -np.inf, -np.inf
            mean[one, one] = -np.inf
            weight[one] += weight[other]
            active[other] = False
        else:
            chain.append(nearest)
    return _sorted(joins, n)


def groups_at(tree: np.ndarray, height: float) -> np.ndarray:
    """Groups (n,) 0, 1, … after all joins at least so alike; numbered by their first point."""
    n = len(tree) + 1
    parent = np.arange(2 * n - 1)
    for row, (one, other, likeness) in enumerate(tree):
        if likeness >= height:
            parent[[int(one), int(other)]] = n + row
    for group in range(2 * n - 2, -1, -1):
        parent[group] = parent[parent[group]]
    _, first, inverse = np.unique(parent[:n], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _sorted(joins: list[tuple[int, int, float]], n: int) -> np.ndarray:
    """Joins by likeness, their groups named by the rows that made them."""
    order = sorted(range(len(joins)), key=lambda row: -joins[row][2])
    name = list(range(n))
    tree = np.empty((len(joins), 3))
    for row, place in enumerate(order):
        one, other, likeness = joins[place]
        tree[row] = name[one], name[other], likeness
        name[one] = n + row
    return tree
