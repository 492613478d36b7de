"""Motion against the camera, as :mod:`betrayed.objects.motion_measurement` wrote it."""

from pathlib import Path

import numpy as np

from betrayed.io.artefacts import open_checked
from betrayed.objects.resizing import resize


def read_motion(path: str | Path, grid: tuple[int, int]) -> np.ndarray:
    """Read a motion artefact on a grid of one's own, such as that of the patch tokens.

    Args:
        path: motion artefact.
        grid: rows and columns wanted: means of the places that each covers, or linear between
            places where it is finer than they are.

    Returns:
        (T, rows, columns) float32: pixels a frame, of frames ``height`` pixels high.

    Raises:
        UserError: see :func:`betrayed.io.artefacts.open_checked`.
    """
    with open_checked(path, "motion") as file:
        residuals = file["residual"][:].astype(np.float32)  # (T, h, w)
    return np.stack([resize(residual, grid) for residual in residuals])
