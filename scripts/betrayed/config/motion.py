"""The settings of motion against the camera."""

from pydantic import ValidationInfo, field_validator

from betrayed.config.knobs import knob, settings


@settings
class MotionSettings:
    """How motion is measured."""

    height: int = knob(
        240, "pixels that frames are resized to, aspect kept", ge=16, le=4096, unit="pixels"
    )
    cell: int = knob(
        4, "side, in these pixels, of the places that are told apart", ge=1, unit="pixels"
    )

    @field_validator("cell")
    @classmethod
    def _fits_into_a_frame(cls, cell: int, info: ValidationInfo) -> int:
        height = info.data.get("height")
        if height is not None and cell > height:
            raise ValueError(f"must be at most height ({height}), not {cell}")
        return cell
