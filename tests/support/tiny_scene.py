"""A ball that rolls between sky and ground: its tracks, cues and tokens, and artefacts of them."""

import numpy as np

from betrayed.clustering.merge_tree import merge_tree
from betrayed.config.objects import ObjectSettings
from betrayed.io.artefacts import create
from betrayed.objects.cues import border_cue
from betrayed.objects.objects import objects_by_cues

SKY, GROUND, SPECK, BALL = range(4)
COLOURS = np.array([[90, 140, 220], [90, 150, 60], [250, 250, 250], [200, 60, 40]])
PLAIN = ObjectSettings(
    motion_weight=1.0,
    attention_weight=0.0,
    border_weight=0.0,
    levels=1,
    local_motion_weight=0.0,
    diffusion=0.0,
    instances="appearance",
)


def scene(frames=6):
    """Sky above, ground below, a ball that rolls between them, and a speck in one frame."""
    labels = np.full((frames, 12, 20), SKY)
    labels[:, 7:] = GROUND
    y, x = np.mgrid[:12, :20]
    for t in range(frames):
        labels[t][(y - 6) ** 2 + (x - 6 - t) ** 2 <= 7] = BALL
    labels[min(2, frames - 1), 3, 15] = SPECK
    return labels


def tree(labels, places=None):
    """Merges of tracks at places on a line; without them each track joins all before it."""
    places = np.arange(labels.max() + 1) ** 2 if places is None else np.array(places)
    return merge_tree(np.abs(places[:, None] - places))


def cues(labels, motion=None, attention=None):
    """Cues that are the same everywhere unless given, but for the border."""
    flat = np.zeros(labels.shape)
    return {
        "motion": flat if motion is None else motion,
        "attention": flat if attention is None else attention,
        "border": border_cue(labels.shape),
    }


def finer(maps, times=2):
    """Maps (T, h, w) on so many times as many rows and columns."""
    return maps.repeat(times, axis=1).repeat(times, axis=2)


def tokens(looks, noise=0.05):
    """(T, h·w, D) float16 of looks (T, h, w), each along an axis of its own."""
    draw = np.random.default_rng(0).normal(size=(*looks.shape, looks.max() + 1), scale=noise)
    plain = np.eye(looks.max() + 1)[looks] + draw
    return plain.reshape(len(looks), -1, looks.max() + 1).astype(np.float16)


def find(
    labels,
    motion,
    settings,
    attention=None,
    local_motion=None,
    looks=None,
    merges=None,
    points=None,
):
    """Objects by cues; everything looks alike unless ``looks`` say more, on a grid of their own."""
    looks = np.zeros_like(labels) if looks is None else looks
    merges = tree(labels) if merges is None else merges
    local_motion = np.zeros(looks.shape) if local_motion is None else local_motion
    maps = cues(labels, motion, attention)
    return objects_by_cues(labels, merges, maps, local_motion, tokens(looks), points, settings)


def rolling(labels, settings=None, points=None):
    """The objects of a scene in which the ball alone moves, on twice the rows and columns."""
    moves = (labels == BALL).astype(float)
    settings = settings or ObjectSettings()
    looks = finer(labels)
    return find(labels, moves, settings, local_motion=finer(moves), looks=looks, points=points)


def ball_points(labels, frame_size):
    """Rows (id, frame, y, x) of a point in each token, in pixels; the ball's roll with it."""
    places = np.stack(np.mgrid[: labels.shape[1], : labels.shape[2]], -1).reshape(-1, 2)
    start = np.array([6, 6])
    of_ball = ((places - start) ** 2).sum(1) <= 7
    scale = np.array(frame_size) / labels.shape[1:]
    rows = []
    for frame in range(len(labels)):
        now = places + of_ball[:, None] * np.array([0, frame])
        # Ground and sky that the ball covers are hidden.
        hidden = ~of_ball & (((now - start - (0, frame)) ** 2).sum(1) <= 7)
        kept = np.flatnonzero((now[:, 1] < labels.shape[2]) & ~hidden)
        rows += [(point, frame, *((now[point] + 0.5) * scale - 0.5)) for point in kept]
    return rows


def trajectories_file(path, rows, frame_size, count):
    """A trajectories artefact of rows (id, frame, y, x), sorted by frame."""
    values = np.array(rows, float).reshape(-1, 4).T
    with create(path, "trajectories", {"video": "toy"}) as file:
        for name, column, kind in zip(("id", "frame", "y", "x"), values, "iiff", strict=True):
            file[name] = column.astype(f"{kind}4")
        file.attrs.update(frame_size=frame_size, count=count)
    return path


def picture(labels, size, seed=0):
    """A frame (H, W, 3) uint8 in which every track (h, w) has a noisy colour."""
    rows, columns = (np.arange(n) * k // n for n, k in zip(size, labels.shape, strict=True))
    noise = np.random.default_rng(seed).normal(size=(*size, 3), scale=10)
    return (COLOURS[labels[rows[:, None], columns]] + noise).clip(0, 255).astype(np.uint8)


def tracks_file(path, labels, frame_size):
    with create(path, "tracks", {"video": "toy"}) as file:
        file["labels"], file["merges"] = labels.astype(np.int32), tree(labels)
        file.attrs.update(grid=labels.shape[1:], frame_size=frame_size, count=len(labels))
    return path


def motion_file(path, residual):
    with create(path, "motion", {"video": "toy"}) as file:
        file["residual"] = residual.astype(np.float16)
    return path


def features_file(path, looks):
    """Tokens of looks (T, h, w), and class attention that is the same everywhere."""
    with create(path, "features", {"video": "toy"}) as file:
        file["patch_tokens"] = tokens(looks)
        file["class_attention"] = np.full((len(looks), looks[0].size), 0.004, np.float16)
        file.attrs["grid"] = looks.shape[1:]
    return path


def two_balls(frames=6):
    """Labels of a ball that rolls to the right below one that rolls to the left: 1 and 2."""
    labels = np.zeros((frames, 16, 30), int)
    y, x = np.mgrid[:16, :30]
    for t in range(frames):
        labels[t][(y - 11) ** 2 + (x - 5 - t % 12) ** 2 <= 9] = 1
        labels[t][(y - 4) ** 2 + (x - 24 + t % 12) ** 2 <= 9] = 2
    return labels


def points_of(labels, ways, frame_size):
    """Rows (id, frame, y, x) of points, four a token, that go the way of their label in frame 0.

    They end where they would come to lie on another label.
    """
    shape = np.array(labels.shape[1:])
    places = np.stack(np.mgrid[: 2 * shape[0], : 2 * shape[1]], -1).reshape(-1, 2) / 2 - 0.25
    tokens = np.round(places).astype(int)
    own = labels[0][tuple(tokens.T)]
    alive, rows = np.ones(len(places), bool), []
    scale = np.array(frame_size) / shape
    for frame in range(len(labels)):
        now = places + np.array(ways)[own] * frame
        cell = np.round(now).astype(int)
        alive &= ((cell >= 0) & (cell < shape)).all(axis=1)
        cell = np.clip(cell, 0, shape - 1)
        alive &= labels[frame][tuple(cell.T)] == own
        pixels = (now + 0.5) * scale - 0.5
        rows += [(point, frame, *pixels[point]) for point in np.flatnonzero(alive)]
    return rows
