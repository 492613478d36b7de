"""Class-agnostic activation maps: where the backbone and the block look, whatever stands there."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from betrayed.errors import UserError
from betrayed.io.artefacts import open_checked, provenance
from betrayed.io.row_reading import read_rows


def block_concentration(path: str | Path, frames: Sequence[int]) -> np.ndarray:
    """How concentrated the block's attention is within a frame, token by token.

    Of each token the row of attention over the tokens of its own frame is taken, averaged over
    heads, and its entropy subtracted from that of a uniform row: log N − H. Tokens of grass, sky
    and road look nearly everywhere; those of an object look at the object.

    Args:
        path: an attention artefact.
        frames: the frames wanted.

    Returns:
        (frames, h, w) float32, in nats: 0 for a token that attends to all alike, at most log N.

    Raises:
        UserError: the file is missing or not whole.
    """
    with open_checked(path, "attention") as file:
        grid = tuple(int(side) for side in file.attrs["grid"])
        queries, keys = file["queries"], file["keys"]
        maps = [_concentration(read_rows(queries, at), read_rows(keys, at)) for at in frames]
    return np.stack(maps).reshape(-1, *grid)


def _concentration(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """(N,) of queries and keys (heads, N, d)."""
    heads, tokens, width = queries.shape
    rows = np.zeros((tokens, tokens), np.float32)
    for query, key in zip(queries.astype(np.float32), keys.astype(np.float32), strict=True):
        scores = query @ key.T * width**-0.5
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        rows += scores / scores.sum(axis=1, keepdims=True)
    rows /= heads
    entropy = -(rows * np.log(np.maximum(rows, np.finfo(np.float32).tiny))).sum(axis=1)
    return np.maximum(np.log(tokens) - entropy, 0).astype(np.float32)


def as_heat(maps: np.ndarray, lowest: float = 1, highest: float = 99.5) -> np.ndarray:
    """Maps (T, h, w) as heat 0…255, uint8, on one scale for the whole video.

    Args:
        maps: any figures.
        lowest: the percentile of the video's values that is coldest.
        highest: the percentile that is hottest.
    """
    low, high = np.percentile(maps, [lowest, highest])
    if high <= low:
        return np.zeros(maps.shape, np.uint8)
    return (255 * np.clip((maps - low) / (high - low), 0, 1)).round().astype(np.uint8)


def token_rows(
    path: str | Path, tokens: Sequence[tuple[int, int]], frames: Sequence[int]
) -> np.ndarray:
    """Attention of some tokens over all tokens of some frames, as clustering compares it.

    Args:
        path: an attention artefact.
        tokens: frame and number of each, numbers in row-major order within the frame.
        frames: the frames that are looked at; with the key frames the rows are those of clustering.

    Returns:
        (tokens, frames, h, w) float32: mean over heads of softmax(q·k / √d); each sums to 1.

    Raises:
        UserError: the file is missing or not whole, or has no such frame or token.
    """
    with open_checked(path, "attention") as file:
        grid = tuple(int(side) for side in file.attrs["grid"])
        count, inside = int(file.attrs["count"]), grid[0] * grid[1]
        for frame, token in [*tokens, *((frame, 0) for frame in frames)]:
            if not 0 <= frame < count or not 0 <= token < inside:
                raise UserError(
                    f"{path} has {count} frames of {inside} tokens: there is no token {token} in "
                    f"frame {frame}."
                )
        # (heads, frames·N, d)
        keys = [read_rows(file["keys"], frame) for frame in frames]
        keys = np.concatenate(keys, axis=1, dtype=np.float32)
        rows = []
        for frame, token in tokens:
            query = read_rows(file["queries"], frame)[:, token].astype(np.float32)  # (heads, d)
            scores = np.einsum("hd,hnd->hn", query, keys) * query.shape[1] ** -0.5
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            rows.append((scores / scores.sum(axis=1, keepdims=True)).mean(axis=0))
    return np.stack(rows).reshape(len(tokens), len(frames), *grid)


def check_video(path: str | Path, name: str, count: int, size: tuple[int, int]) -> None:
    """Make sure that an attention artefact is of a video with so many frames (H, W).

    Raises:
        UserError: it is of another video, or not whole.
    """
    with open_checked(path, "attention") as file:
        held = provenance(file)["video"], int(file.attrs["count"]), tuple(file.attrs["frame_size"])
    if held != (name, count, size):
        frames = [
            f"{counted} frames of {width}x{height}"
            for _, counted, (height, width) in (held, (name, count, size))
        ]
        raise UserError(
            f"{path} is of {held[0]!r}, {frames[0]}, but the video asked for is {name!r}, "
            f"{frames[1]}. Name the attention of that video."
        )


def token_grid(path: str | Path) -> tuple[int, int]:
    """Rows and columns of tokens in a frame, from an attention artefact.

    Raises:
        UserError: the file is missing or not whole.
    """
    with open_checked(path, "attention") as file:
        rows, columns = (int(side) for side in file.attrs["grid"])
        return rows, columns


def key_frames(path: str | Path) -> list[int]:
    """The key frames that clustering compared attention over, from a tracks artefact.

    Raises:
        UserError: the file is missing or not whole.
    """
    with open_checked(path, "tracks") as file:
        return [int(frame) for frame in file["key_frames"][:]]


def strongest_tokens(
    ids: np.ndarray, concentration: np.ndarray, frames: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Of each object the token whose attention is most concentrated.

    Args:
        ids: (frames, h, w), the object at each token, 0 for none.
        concentration: (frames, h, w), see :func:`block_concentration`.
        frames: the frames' numbers.

    Returns:
        Frame and number of a token by the object's id.
    """
    found = {}
    for one in np.unique(ids[ids > 0]).tolist():
        best = np.where(ids == one, concentration, -1).reshape(len(frames), -1)
        place, token = np.unravel_index(best.argmax(), best.shape)
        found[one] = (frames[place], int(token))
    return found
