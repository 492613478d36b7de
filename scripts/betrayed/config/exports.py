"""The settings of what is exported, and the forms that there are."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from betrayed.config.knobs import each_once, knob, settings

#: What servers score: all proposals, packed as one archive.
SERVERS = ("davis", "youtube_vis")
#: What other tools open: a folder.
TOOLS = ("coco", "mots", "napari", "fiftyone", "cutouts", "prores", "webm")
#: Of trainings, not of masks.
TENSORBOARD = "tensorboard"

Format = Literal[(*SERVERS, *TOOLS, TENSORBOARD)]


@settings
class ExportSettings:
    """What the target ``exports`` writes."""

    formats: Annotated[tuple[Format, ...], AfterValidator(each_once)] = knob(
        ("davis",),
        "For servers, packed: davis, youtube_vis. For other tools: coco (JSON, tracks by "
        "track_id), mots (PNGs), napari (a stack of labels, and tracks), fiftyone (with a script "
        "that makes its dataset), cutouts (PNGs with alpha), prores and webm (films with alpha). "
        "Of trainings: tensorboard (event files).",
    )
    level: Literal["objects", "parts", "foreground", "proposals"] = knob(
        "objects",
        "Which masks other tools get: objects, parts, foreground, or proposals (the objects and "
        "the tracks around them, which is what servers get in any case).",
    )
    most_objects: int | None = knob(
        None,
        "the objects of highest rank alone, so many; null: all",
        ge=1,
        le=254,
        unit="objects",
    )
