"""The settings of overlay films and contact sheets."""

from typing import Literal

from betrayed.config.knobs import knob, settings


@settings
class PictureSettings:
    """How pictures look."""

    level: Literal["objects", "parts", "foreground"] = knob(
        "objects",
        "What has a colour of its own: objects; parts, which objects consist of; or foreground, "
        "all objects as one.",
    )
    most_objects: int | None = knob(
        None,
        "so many of highest rank have one, the others share one; null: all",
        ge=1,
        le=254,
        unit="objects",
    )
    style: Literal["both", "fill", "outline"] = knob(
        "both",
        "fill: the colour over the object. outline: around it. both: a fill, a white outline",
    )
    opacity: float = knob(0.5, "of the fill: 0 is not seen, 1 covers the film", ge=0, le=1)
    sound: bool = knob(True, "the overlay of a film has its sound")
