"""The settings of the made videos."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from betrayed.config.knobs import knob, settings

#: Stories that are not drawn at random.
FIXED = 6


@settings
class SyntheticSettings:
    """How the project makes a data set."""

    seed: int = knob(0, "another seed: other landscapes, coats and colours", ge=0)
    stories: Literal["fixed", "random"] = knob(
        "fixed",
        "the demo's six; random: as many as clips says, from a seed of their own",
    )
    clips: int = knob(6, "the first so many of the six, or so many random ones", ge=1, le=10**6)
    frames: int = knob(24, "in each", ge=1, le=10_000, unit="frames")
    height: int = knob(240, "of the frames", ge=32, le=4096, unit="pixels")
    width: int = knob(432, "of the frames", ge=32, le=4096, unit="pixels")
    fps: int = knob(12, "of the clip that is a video file", ge=1, le=240, unit="frames a second")

    @field_validator("clips")
    @classmethod
    def _as_many_as_there_are(cls, clips: int, info: ValidationInfo) -> int:
        if info.data.get("stories") == "fixed" and clips > FIXED:
            raise ValueError(f"must be at most {FIXED} when stories is 'fixed', not {clips}")
        return clips
