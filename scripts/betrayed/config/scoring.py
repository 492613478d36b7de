"""The settings of scoring, and the protocols that there are."""

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import AfterValidator, field_validator

from betrayed.config.knobs import each_once, knob, settings

#: Every protocol, and what it scores against what.
PROTOCOLS = {
    "davis2016": "the foreground mask against all objects merged",
    "davis2016-stability": "the foreground mask's contour from frame to frame",
    "davis2016-track": "the best single proposal against all objects merged",
    "davis2017-sequence": "proposals against objects, one assignment a video (official)",
    "davis2017-frame": "proposals against objects, a new assignment in every frame (the paper's)",
    "video-object": "proposals as a partition against objects: FG-ARI by frame, mIoU (SOLV's)",
    "video-object-clip": "the same: FG-ARI over the clip, mBO (VideoSAUR's)",
    "tracks-object": "all tracks of attention against objects: FG-ARI by frame, mIoU (a diagnosis)",
    "tracks-object-clip": "the same: FG-ARI over the clip, mBO (a diagnosis)",
    "youtube-vis": "proposals of all videos by score against objects: class-agnostic AP and AR",
}
#: What a user gets: stability takes longer than all of them, tracks are a diagnosis, and
#: youtube-vis scores a data set as a whole.
DEFAULT_PROTOCOLS = (
    "davis2016",
    "davis2016-track",
    "davis2017-sequence",
    "davis2017-frame",
    "video-object",
    "video-object-clip",
)
#: Proposals that the official protocol allows.
OFFICIAL_PROPOSALS = 20
Scorer = Literal["built-in", "davis2017-evaluation"]


Protocols = Annotated[tuple[Literal[tuple(PROTOCOLS)], ...], AfterValidator(each_once)]


@settings
class ScoringKnobs:
    """How masks are scored, as configurations and programs have it."""

    protocols: Protocols = knob(
        DEFAULT_PROTOCOLS,
        "davis2016: the foreground mask. davis2016-track: the best single track. "
        "davis2017-sequence: one assignment a video (official). davis2017-frame: one a frame (an "
        "upper bound, as in the paper). video-object: FG-ARI by frame and mIoU (SOLV's). "
        "video-object-clip: FG-ARI over the clip and mBO (VideoSAUR's); both score the proposals "
        "as a partition. tracks-object, tracks-object-clip: the same of all tracks of attention, "
        "as a diagnosis. davis2016-stability: T, how much the foreground's contour changes from "
        "frame to frame; slow. youtube-vis: class-agnostic AP and AR, all videos together.",
    )
    max_proposals: int = knob(
        OFFICIAL_PROPOSALS,
        "Of more, davis2016-track and davis2017-sequence score the first ones by rank; "
        "score_folder.py refuses them. 20 is official.",
        ge=1,
        unit="proposals",
    )
    paper_max_proposals: int = knob(
        300,
        "The same for davis2017-frame, as in the paper's scorer. The workflow's masks are PNGs of "
        "8 bits, which tell 254 apart; score_folder.py reads 16 bits, for other methods' masks.",
        ge=1,
        unit="proposals",
    )
    scorer: Scorer = knob(
        "built-in",
        "What computes J and F: built-in, or davis2017-evaluation where it is installed (the "
        "challenge's code; the figures are the same, and take many times as long).",
    )
    level: Literal["objects", "parts"] = knob(
        "objects",
        "objects, or parts: the parts that objects consist of are scored in their place.",
    )

    @field_validator("scorer")
    @classmethod
    def _is_installed(cls, scorer: Scorer) -> Scorer:
        if scorer == "davis2017-evaluation" and find_spec("davis2017") is None:
            raise ValueError(
                "davis2017-evaluation is not installed: there is no module davis2017. Install it "
                "from the DAVIS challenge's repository, or set scorer to built-in, whose figures "
                "are the same"
            )
        return scorer


@settings
class ScoreSettings(ScoringKnobs):
    """What scoring a video is told."""

    partition: Literal["proposals", "tracks"] = knob(
        "proposals",
        "what the video-object protocols score: proposals (objects, the tracks around them, and "
        "what is left), or tracks, as the paper does",
    )
