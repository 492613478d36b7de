"""What a table of objects says of frames and sizes, against its masks, the slow and obvious way."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

MEASURED = ["size", "first_frame", "last_frame", "persistence"]


def check_presence(folder: Path, table: pd.DataFrame) -> None:
    """Look at each mask of a folder for each row that has an id there."""
    for kind, column in (("proposals", "proposal"), ("parts", "part")):
        files = sorted((folder / kind).glob("*.png"))
        images = np.array([np.asarray(Image.open(file)) for file in files])
        rows = table[table[column].fillna(0) > 0]
        assert len(images) or rows.empty
        for row in rows.rename(columns={"size": "share"}).itertuples():
            here = images == getattr(row, column)
            frames = np.flatnonzero(here.any(axis=(1, 2)))
            assert row.persistence == round(len(frames) / len(images), 6)
            if not len(frames):
                assert pd.isna([row.share, row.first_frame, row.last_frame]).all()
                continue
            assert (row.first_frame, row.last_frame) == (frames[0], frames[-1])
            assert abs(row.share - here[frames].mean()) < 2e-6
