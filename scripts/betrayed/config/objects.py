"""The settings of how objects are found."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from betrayed.config.knobs import knob, settings

#: The cues, in the order of the table's columns; each has a weight in the settings.
CUES = ("motion", "attention", "border")


@settings
class ObjectSettings:
    """How objects are found."""

    choice: Literal["cues", "size"] = knob(
        "cues",
        "size: the largest track is background, and nothing below is used but max_objects",
    )
    max_objects: int = knob(
        20,
        "Proposals kept a video. The official protocol scores 20; masks are PNGs of 8 bits, which "
        "tell 254 apart.",
        ge=1,
        le=254,
        unit="proposals",
    )
    motion_weight: float = knob(
        1.0,
        "motion against the camera; a track's score is the weighted sum of its cues; 0: ignored",
        ge=0,
    )
    attention_weight: float = knob(0.5, "what the backbone's class token attends to", ge=0)
    border_weight: float = knob(0.5, "staying off the border", ge=0)
    levels: int = knob(
        4,
        "of the merge tree, each with half as many groups, whose scores are averaged; 1: tracks",
        ge=1,
    )
    local_motion_weight: float = knob(
        0.5, "a place's own motion, beside the score of its track; 0: none", ge=0
    )
    diffusion: float = knob(
        0.3, "how much neighbours that look alike share their scores; 0: not at all", ge=0
    )
    diffusion_frames: int = knob(
        1,
        "neighbours in time: so many frames apart; 0: no smoothing over time",
        ge=0,
        le=3,
        unit="frames",
    )
    foreground_score: float = knob(
        0.6,
        "places from here on are foreground; 0: the median place, 1: the best",
        ge=0,
        le=1,
    )
    least_difference: float = knob(
        0.2,
        "A video has no object where no place, in any frame, looks more different from the mean of "
        "all (cosine distance of their tokens), and nothing moves by itself. Measured with the "
        "default backbone. 0: every video that shows anything has one.",
        ge=0,
        le=2,
    )
    instances: Literal["combined", "trajectories", "appearance", "none"] = knob(
        "combined",
        "trajectories: objects are told apart by what points on them do and look like. "
        "appearance: by their looks alone. combined: by trajectories, and by appearance where "
        "these see one object only, or more than four where looks see several too. none: all "
        "foreground is one object.",
    )
    least_instances: int = knob(1, "objects that the foreground has at least", ge=1, le=254)
    most_instances: int = knob(10, "objects that the foreground has at most", ge=1, le=254)
    split: float = knob(
        -0.5,
        "Points stay apart where the mean log odds that they lie on one object are below split. "
        "Lower keeps more together: -2 nearly everything, 0 cuts wherever two objects are likelier "
        "than one.",
        unit="nats",
    )
    part_split: float = knob(
        0.0,
        "the same for the parts of objects (parts/*.png); at least split",
        unit="nats",
    )
    part_distance: float = knob(
        0.45,
        "instances: appearance splits the foreground where halves look more different; 2: never",
        ge=0,
        le=2,
    )
    part_diffusion: float = knob(
        3.0,
        "instances: appearance, how much neighbours that look alike agree on their part; 0: not at "
        "all",
        ge=0,
    )
    pixels: Literal["grabcut", "none"] = knob(
        "grabcut", "outlines move to the edges of the image; none: they stay"
    )

    @field_validator("border_weight")
    @classmethod
    def _one_cue_counts(cls, weight: float, info: ValidationInfo) -> float:
        names = [f"{cue}_weight" for cue in CUES[:-1]]
        if weight == 0 and all(info.data.get(name) == 0 for name in names):
            raise ValueError("one of the cues' weights must be above 0")
        return weight

    @field_validator("most_instances")
    @classmethod
    def _not_below_the_least(cls, most: int, info: ValidationInfo) -> int:
        least = info.data.get("least_instances")
        if least is not None and least > most:
            raise ValueError(f"must be at least least_instances ({least}), not {most}")
        return most

    @field_validator("part_split")
    @classmethod
    def _parts_are_smaller(cls, part_split: float, info: ValidationInfo) -> float:
        split = info.data.get("split")
        if split is not None and part_split < split:
            raise ValueError(
                f"must be at least split ({split:g}), since parts are smaller than objects, "
                f"not {part_split:g}"
            )
        return part_split

    @property
    def weights(self) -> dict[str, float]:
        """How much each cue counts."""
        return {cue: getattr(self, f"{cue}_weight") for cue in CUES}
