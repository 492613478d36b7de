"""Motion against the camera, as :mod:`betrayed.objects.motion_measurement` wrote it."""

from pathlib import Path

import numpy as np

from betrayed.io.artefacts import check_finite, check_values, open_checked, provenance
from betrayed.objects.resizing import LENGTHS_HEIGHT, resize


def read_motion(path: str | Path, grid: tuple[int, int]) -> np.ndarray:
    """Read a motion artefact on a grid of one's own, such as that of the patch tokens.

    Args:
        path: motion artefact.
        grid: rows and columns wanted: means of the places that each covers, or linear between
            places where it is finer than they are.

    Returns:
        (T, rows, columns) float32: pixels a frame, of frames 240 pixels high, whatever height it
        was measured at.

    Raises:
        UserError: see :func:`betrayed.io.artefacts.open_checked`; or a value cannot be meant.
    """
    with open_checked(path, "motion") as file:
        residuals = file["residual"][:]  # (T, h, w)
        height = provenance(file).get("height", LENGTHS_HEIGHT)
    check_finite(path, "residual", residuals)
    check_values(path, "residual", residuals.min(initial=0) >= 0, "holds lengths below 0")
    residuals = residuals.astype(np.float32) * np.float32(LENGTHS_HEIGHT / height)
    return np.stack([resize(residual, grid) for residual in residuals])
