"""Average linkage in plain loops: slow, independent, and plain to see."""


def mean_distance(distances, one, other):
    return sum(distances[i][j] for i in one for j in other) / (len(one) * len(other))


def naive_merges(distances):
    """Merges as (group, group, distance, tracks); tracks are 0 … K−1, merges are K, K+1, …."""
    groups = {track: [track] for track in range(len(distances))}
    merges = []
    while len(groups) > 1:
        pairs = [(a, b) for a in groups for b in groups if a < b]
        gaps = [mean_distance(distances, groups[a], groups[b]) for a, b in pairs]
        a, b = pairs[gaps.index(min(gaps))]
        together = groups.pop(a) + groups.pop(b)
        merges.append((a, b, min(gaps), len(together)))
        groups[len(distances) + len(merges) - 1] = together
    return merges


def naive_groups(merges, tracks, wanted):
    """The sets of tracks that are left once merging has come down to ``wanted`` groups."""
    groups = {track: {track} for track in range(tracks)}
    for number, (a, b, *_) in enumerate(merges[: tracks - wanted]):
        groups[tracks + number] = groups.pop(a) | groups.pop(b)
    return {frozenset(group) for group in groups.values()}
