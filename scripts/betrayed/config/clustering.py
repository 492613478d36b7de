"""The settings of clustering."""

from betrayed.config.knobs import knob, settings


@settings
class ClusterSettings:
    """How attention rows become tracks."""

    tau: float = knob(
        0.05,
        "the distance within which attention rows merge: lower gives more, smaller tracks",
        gt=0,
        unit="nats",
    )
    window: int = knob(3, "frames that are clustered together first", ge=1, unit="frames")
    key_frame_ratio: int = knob(
        10, "every tenth frame is a key frame; lower is finer and slower", ge=1, unit="frames"
    )
    approximate: int = knob(
        1,
        "Of the key frames' tokens, every so many is a column of the rows; 1 is exact. 2 and 4 "
        "take about .6 and .4 of the time and give nearly the same tracks; docs/costs.md has the "
        "figures.",
        ge=1,
    )
