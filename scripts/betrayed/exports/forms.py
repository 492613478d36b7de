"""The forms that masks are exported in, by name."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from betrayed.exports.coco import export_coco
from betrayed.exports.cutouts import export_films, export_pngs
from betrayed.exports.fiftyone_samples import export_fiftyone
from betrayed.exports.label_stacks import export_napari
from betrayed.exports.mots import export_mots
from betrayed.exports.servers import export_davis, export_youtube_vis
from betrayed.exports.videos import MaskedVideo


class Export(Protocol):
    """Writes videos into a folder, with so many processes."""

    def __call__(self, videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
        """See the functions of :data:`FORMS`."""


#: What writes each of :data:`betrayed.config.exports.SERVERS` and ``TOOLS``.
FORMS: dict[str, Export] = {
    "davis": export_davis,
    "youtube_vis": export_youtube_vis,
    "coco": export_coco,
    "mots": export_mots,
    "napari": export_napari,
    "fiftyone": export_fiftyone,
    "cutouts": export_pngs,
    "prores": export_films,
    "webm": partial(export_films, suffix=".webm"),
}
