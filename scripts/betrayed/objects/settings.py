"""The settings of how objects are found."""

from dataclasses import dataclass
from typing import Literal

from betrayed.errors import UserError

#: The cues, in the order of the table's columns; each has a weight in the settings.
CUES = ("motion", "attention", "interior")


@dataclass(frozen=True)
class ObjectSettings:
    """How objects are found.

    Attributes:
        choice: ``cues``: objects are what moves, stands out, and keeps off the border. ``size``:
            the largest track is background, all others are objects.
        max_objects: proposals kept, best first; DAVIS allows 20.
        motion_weight: how much motion against the camera counts; 0 ignores it.
        attention_weight: how much the backbone's class attention counts.
        interior_weight: how much staying off the border counts.
        levels: of the merge tree over which cues are gathered; 1 takes the tracks alone.
        local_motion_weight: how much the motion of a place counts beside the score of its track.
        diffusion: how much like neighbours share their scores; 0: not at all.
        diffusion_frames: how many frames neighbours lie apart at most; 0: no smoothing over time.
        foreground_score: the score from which a place is foreground; 0 is the video's median
            place, 1 its best.
        instances: ``combined``: by trajectories, and by appearance where these see one object or
            more than eight; ``trajectories``: objects are told apart by what points
            on them do and look like; ``appearance``: by their tokens alone; ``none``: all
            foreground is one object.
        least_instances: objects that the foreground has at least.
        most_instances: objects that it has at most; never more than ``max_objects``.
        split: points stay apart below this mean log odds of lying on one object.
        part_split: the same for the parts of objects.
        part_distance: by appearance, the foreground is split where halves differ by more.
        part_diffusion: likewise, how much like neighbours share the part that they belong to.
        pixels: ``grabcut`` moves outlines to the edges of the image; ``none``.
    """

    choice: Literal["cues", "size"] = "cues"
    max_objects: int = 20
    motion_weight: float = 1.0
    attention_weight: float = 0.5
    interior_weight: float = 0.5
    levels: int = 4
    local_motion_weight: float = 0.5
    diffusion: float = 0.3
    diffusion_frames: int = 1
    foreground_score: float = 0.6
    instances: Literal["combined", "trajectories", "appearance", "none"] = "combined"
    least_instances: int = 1
    most_instances: int = 10
    split: float = -0.5
    part_split: float = 0.0
    part_distance: float = 0.45
    part_diffusion: float = 3.0
    pixels: Literal["grabcut", "none"] = "grabcut"

    def __post_init__(self) -> None:
        if not 1 <= self.max_objects <= 254:
            raise UserError(f"max_objects must lie within 1…254, not {self.max_objects}.")
        if min(self.weights.values()) < 0 or max(self.weights.values()) == 0:
            raise UserError("The weights of the cues must be at least 0, and one of them above.")
        if not 0 <= self.foreground_score <= 1:
            raise UserError(f"foreground_score must lie within 0…1, not {self.foreground_score}.")
        if self.levels < 1:
            raise UserError(f"levels must be at least 1, not {self.levels}.")
        for name in ("local_motion_weight", "diffusion", "diffusion_frames", "part_diffusion"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must be at least 0, not {getattr(self, name)}.")
        if not 1 <= self.least_instances <= self.most_instances:
            raise UserError(
                "objects needs 1 <= least_instances <= most_instances, not "
                f"{self.least_instances} and {self.most_instances}."
            )
        if self.part_split < self.split:
            raise UserError(
                f"part_split must be at least split ({self.split}), not {self.part_split}: parts "
                "are smaller than objects."
            )
        if not 0 <= self.part_distance <= 2:
            raise UserError(f"part_distance must lie within 0…2, not {self.part_distance}.")

    @property
    def weights(self) -> dict[str, float]:
        """How much each cue counts."""
        return {cue: getattr(self, f"{cue}_weight") for cue in CUES}
