"""The settings of the report."""

from betrayed.config.knobs import knob, settings


@settings
class ReportSettings:
    """What bounds the report, so that one of 300 videos is as easy to send as one of six."""

    videos: int = knob(
        12,
        "how many get a player, from the worst to the best; the others are in the tables",
        ge=0,
        unit="videos",
    )
    runs: int = knob(
        3, "of how many runs a player shows the objects, the first ones; tables have all", ge=1
    )
    frames: int = knob(24, "of a video at most, evenly apart", ge=1, unit="frames")
    width: int = knob(
        480,
        "the longer side of its frames; the file grows with all four settings",
        ge=64,
        le=1920,
        unit="pixels",
    )
