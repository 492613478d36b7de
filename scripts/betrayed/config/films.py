"""The settings of somebody's own videos: which part of a film is worked on, and how finely."""

from pydantic import ValidationInfo, field_validator

from betrayed.config.knobs import knob, settings


@settings
class FilmSettings:
    """Which part of a film is worked on, and how.

    They are for videos without ground truth, of data sets in the layout folder; others are taken
    whole and as they are.
    """

    start: float | None = knob(
        None,
        "where the part begins that is worked on; null: at the beginning",
        ge=0,
        unit="seconds",
    )
    end: float | None = knob(None, "where it ends; null: at the end", gt=0, unit="seconds")
    step: int = knob(
        1,
        "Every how many frames one is computed; the masks of those between are carried there by "
        "optical flow. 3 takes about a third of the time.",
        ge=1,
        le=60,
        unit="frames",
    )
    height: int | None = knob(
        None,
        "Pixels that frames are made smaller to for the work, aspect kept; masks and overlays have "
        "the film's own size all the same. null: as they are.",
        ge=16,
        le=4320,
        unit="pixels",
    )
    window: int = knob(
        120,
        "Computed frames that are worked on together; a longer shot is divided into such windows, "
        "so that memory does not grow with the film. More tell objects better that rest for long, "
        "and cost memory and time (squared).",
        ge=16,
        unit="frames",
    )
    overlap: int = knob(
        8,
        "Computed frames that a window shares with the next: by these objects are carried on",
        ge=1,
        unit="frames",
    )
    cuts: bool = knob(
        True, "scene cuts are found, and no window reaches over one; false: the film is one shot"
    )
    most_kept: int = knob(
        3000,
        "Films of more computed frames leave no frames, features and attention on the disk but "
        "those of a few pieces, to train on: at normal quality these take 2.4 MB a frame. Other "
        "settings then compute such a film from its beginning.",
        ge=0,
        unit="frames",
    )
    alike: float = knob(
        0.3,
        "How alike two objects must look to be one on both sides of a cut or a gap: cosine of "
        "their mean tokens, whitened by those of the film. Higher joins less, 1 nothing.",
        ge=-1,
        le=1,
    )

    @field_validator("end")
    @classmethod
    def _behind_the_start(cls, end: float | None, info: ValidationInfo) -> float | None:
        start = info.data.get("start")
        if end is not None and start is not None and end <= start:
            raise ValueError(f"must be more than start ({start:g}), not {end:g}")
        return end

    @field_validator("overlap")
    @classmethod
    def _fits_into_a_window(cls, overlap: int, info: ValidationInfo) -> int:
        window = info.data.get("window")
        if window is not None and 2 * overlap > window:
            raise ValueError(f"must be at most half of window ({window}), not {overlap}")
        return overlap
