"""In which frames objects and their parts are, and how large, as their masks have them."""

import numpy as np
import pandas as pd

from betrayed.io.palette import count_ids

_IDS = 256


class Presence:
    """Takes a video's images of ids one after another.

    Args:
        frames: how many the video has.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._present, self._places = np.zeros(_IDS, int), np.zeros(_IDS)
        self._first, self._last = np.full(_IDS, -1), np.full(_IDS, -1)

    def add(self, index: int, ids: np.ndarray) -> None:
        """Take the ids (H, W) uint8 of the next frame, whose number is ``index``."""
        pixels = count_ids(ids)
        here = pixels > 0
        self._present += here
        self._places += pixels / ids.size
        self._first[here & (self._first < 0)] = index
        self._last[here] = index

    def measured(self, table: pd.DataFrame, column: str) -> pd.DataFrame:
        """A table with size, frames and persistence of what its rows are.

        Args:
            table: see :class:`betrayed.objects.objects.Objects`.
            column: where it has the ids, 1 to 255. Rows without one stay as they are, and what is
                in no mask has no size and no frames.
        """
        ids = table[column].fillna(0).to_numpy(int)
        with np.errstate(invalid="ignore", divide="ignore"):
            sizes = (self._places / self._present)[ids]
        seen = {"size": sizes, "persistence": self._present[ids] / self._frames}
        for name, values in (("first_frame", self._first), ("last_frame", self._last)):
            seen[name] = pd.Series(values[ids], table.index, "Int64").where(values[ids] >= 0)
        measured = pd.DataFrame(seen, index=table.index)
        return table.assign(**{name: measured[name].where(ids > 0, table[name]) for name in seen})
