"""Cached features of all frames of a video, read without torch: what objects are found from."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from betrayed.errors import UserError
from betrayed.io.artefacts import check_finite, open_checked
from betrayed.io.row_reading import read_rows


def read_class_attention(path: str | Path) -> np.ndarray:
    """The class token's attention from a features artefact of plain frames, (T, h, w) float32.

    Raises:
        UserError: the file is not whole, holds augmented views only, or a value is not finite.
    """
    with open_checked(path, "features") as file:
        if "class_attention" not in file:
            raise UserError(f"{path} has no class attention of plain frames.")
        grid = tuple(int(side) for side in file.attrs["grid"])
        attention = file["class_attention"][:]
    check_finite(path, "class_attention", attention)
    return attention.astype(np.float32).reshape(-1, *grid)


def read_patch_tokens(path: str | Path) -> tuple[np.ndarray, tuple[int, int]]:
    """The patch tokens of a features artefact of plain frames, (T, h·w, D) float16, and (h, w).

    Raises:
        UserError: the file is not whole, holds augmented views only, or a value is not finite.
    """
    with open_checked(path, "features") as file:
        if "patch_tokens" not in file:
            raise UserError(f"{path} has no patch tokens of plain frames.")
        grid = tuple(int(side) for side in file.attrs["grid"])
        tokens = read_rows(file["patch_tokens"])
    check_finite(path, "patch_tokens", tokens)
    return tokens, grid


def each_frame_tokens(path: str | Path) -> Iterator[np.ndarray]:
    """The patch tokens of one frame after another, (h, w, D) float32; one is held at a time.

    Raises:
        UserError: see :func:`read_patch_tokens`.
    """
    with open_checked(path, "features") as file:
        if "patch_tokens" not in file:
            raise UserError(f"{path} has no patch tokens of plain frames.")
        grid = tuple(int(side) for side in file.attrs["grid"])
        for index in range(len(file["patch_tokens"])):
            tokens = read_rows(file["patch_tokens"], index)
            check_finite(path, "patch_tokens", tokens)
            yield tokens.astype(np.float32).reshape(*grid, -1)
