"""What ``config.yaml`` holds: the class of each section, and of the whole.

Programs do not read this module: an edit of what no program is told reruns nothing.
"""

import json
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from betrayed.config.clustering import ClusterSettings
from betrayed.config.datasets import DatasetSettings
from betrayed.config.device import USUAL_DEVICE, Device
from betrayed.config.exports import ExportSettings
from betrayed.config.features import FeatureKnobs, side, views
from betrayed.config.films import FilmSettings
from betrayed.config.knobs import Names, knob, seed, settings
from betrayed.config.learning import LearningKnobs
from betrayed.config.motion import MotionSettings
from betrayed.config.objects import ObjectSettings
from betrayed.config.pictures import PictureSettings
from betrayed.config.quality import Quality
from betrayed.config.reading import adapter
from betrayed.config.report import ReportSettings
from betrayed.config.scoring import Protocols, ScoringKnobs
from betrayed.config.synthetic import SyntheticSettings
from betrayed.config.training import LossSettings, TrainingKnobs
from betrayed.config.weights import WeightsSection

Benchmark = Literal[
    "davis2016-val",
    "davis2017-val",
    "davis2017-test-dev",
    "youtube-vis-2019",
    "youtube-vis-2021",
    "segtrackv2",
    "fbms59-test",
    "movi-e-validation",
]
#: Folders under results/ that no data set can have.
RESERVED = ("attention_pictures", "benchmarks", "blocks", "exports", "figures", "logs")
RESERVED += ("pictures", "same_object", "tables")
#: Layouts that need a split, with a usual one.
SPLITS = {"davis": "val", "fbms": "Testset"}
# Ranges of positions such as "0:600,900:", or a text file.
_POSITIONS = re.compile(r"(-?\d+)?:(-?\d+)?(,(-?\d+)?:(-?\d+)?)*|.+\.txt")


#: What a setting is swept over.
Values = Annotated[tuple[Any, ...], Field(min_length=1)]


def _at_least_one(protocols: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if protocols == ():
        raise ValueError("must name at least one protocol")
    return protocols


@settings
class DatasetSection(DatasetSettings):
    """A data set."""

    root_variable: str | None = knob(
        None, "an environment variable that overrides root when it is set"
    )
    protocols: Protocols | None = knob(
        None, "how it is scored, a list as in scoring.protocols; null: as said there"
    )
    benchmark: Benchmark | None = knob(
        None,
        "The benchmark that its videos are, or a part of: "
        + ", ".join(get_args(Benchmark)[:-1])
        + f" or {get_args(Benchmark)[-1]}. Published figures stand beside it in the leaderboard. "
        "null: none.",
    )
    make: SyntheticSettings | None = knob(
        None, "how to make it; null when the data lie there already"
    )

    _counts = field_validator("protocols")(_at_least_one)

    @field_validator("root")
    @classmethod
    def _lies_somewhere(cls, root: str) -> str:
        if not root:
            raise ValueError("must be given: the folder that has the data set")
        return root

    @field_validator("annotations")
    @classmethod
    def _json_file(cls, annotations: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("layout") == "youtube_vis" and not annotations:
            raise ValueError(
                "layout 'youtube_vis' needs the JSON file of instances under its root, such as "
                "'train.json'"
            )
        return annotations

    @field_validator("instances")
    @classmethod
    def _none_beside_the_json_file(cls, instances: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("layout") == "youtube_vis" and instances is not None:
            raise ValueError("layout 'youtube_vis' has them in its JSON file: set it to null")
        return instances

    @field_validator("split")
    @classmethod
    def _fits_the_layout(cls, split: str | None, info: ValidationInfo) -> str | None:
        layout = info.data.get("layout")
        if not split and layout in SPLITS:
            raise ValueError(f"layout {layout!r} needs one, such as {SPLITS[layout]!r}")
        if layout == "youtube_vis" and split is not None and not _POSITIONS.fullmatch(split):
            raise ValueError(
                f"must be positions such as '600:900', or a text file (.txt), not {split!r}"
            )
        return split

    @field_validator("protocols")
    @classmethod
    def _scored_with_truth(cls, protocols: Any, info: ValidationInfo) -> Any:
        if protocols and "annotations" in info.data and not info.data["annotations"]:
            raise ValueError("nothing is scored without annotations; leave it null")
        return protocols


@settings
class FeaturesSection(FeatureKnobs):
    """What is taken of the backbone, and how much at once."""

    batch_size: int | None = knob(
        None,
        "Frames that go through the backbone at once; null: 16 on a GPU, 4 on a CPU, where more "
        "gains nothing. Halved by itself where memory runs out; more for a large GPU that is not "
        "busy.",
        ge=1,
        unit="frames",
    )


@settings
class TrainingData:
    """What the block is trained on."""

    dataset: str = knob("made", "of whose videos the block is trained")
    videos: Names = knob(
        (),
        "Names or patterns; empty takes all. Named, a video that is added later leaves the block "
        "alone.",
    )
    checkpoint: str | None = knob(
        None,
        "A trained block.pt or the paper's release (.pth), taken instead of training; "
        "hub:owner/name or hub:owner/name/file.pt downloads it.",
        min_length=1,
    )
    height: int = side(224, "as in features; another size than there is another cache of features")
    width: int = side(392, "as in features")
    views: int = views()


@settings
class TrainingSection(LossSettings, TrainingKnobs, TrainingData):
    """The training, and what it is of."""


@settings
class ClusteringSection(ClusterSettings):
    """The clustering, and the memory it may take."""

    memory_gb: float | None = knob(
        None,
        "What clustering a video may take of the GPU or else of the host, beside 1 GB for Python "
        "and torch. null: 0.8 of what is free; on a CPU of the job's share of it, by its cores.",
        gt=0,
        unit="GB",
    )


@settings
class RefinementSection:
    """The tokens that decide where objects end."""

    height: int | None = side(
        None,
        "multiples of the patch size; more pixels give finer outlines. null: as in features",
    )
    width: int | None = side(None, "null together with height")

    @field_validator("width")
    @classmethod
    def _both_or_none(cls, width: int | None, info: ValidationInfo) -> int | None:
        if "height" in info.data and (info.data["height"] is None) != (width is None):
            raise ValueError("give height and width, or null for both")
        return width


@settings
class ScoringSection(ScoringKnobs):
    """How masks are scored."""

    _counts = field_validator("protocols")(_at_least_one)


@settings
class PicturesDrawn:
    """Whether there are pictures."""

    draw: bool = knob(True, "false makes tables only")


@settings
class PicturesSection(PictureSettings, PicturesDrawn):
    """Whether there are pictures, and how they look."""


@settings
class Configuration:
    """Everything that a configuration sets.

    A run is a part of it: any of the sections from ``method`` to ``objects``.
    """

    evaluate: Names = knob(
        ..., "The data sets whose videos are segmented, and scored where there is ground truth."
    )
    datasets: dict[str, DatasetSection] = knob(..., "The data sets there are.")
    method: Literal["better", "paper"] = knob(
        "better",
        "better: all that this project adds to the paper's method. paper: none of it - the "
        "largest track is the background, the others are proposals, as many as objects.max_objects "
        "allows, outlines are those of the tokens.",
    )
    seed: int = seed()
    device: Device = knob(
        USUAL_DEVICE,
        "What the backbone, the training and the clustering compute on. auto: a GPU where there is "
        "one, cpu: never one, cuda: an error where there is none. It changes results by rounding "
        "and reruns nothing.",
    )
    quality: Quality | None = knob(
        None,
        "draft, normal or fine: settings of films, features, training, clustering and refinement "
        "that go together (config/quality.py; docs/videos.md has what each costs). Settings that "
        "are given beside it win over its own. null: nothing is set.",
    )
    films: FilmSettings = knob(
        ...,
        "Somebody's own videos, without ground truth: which part of a film is worked on, and how "
        "finely. A long film is worked on in pieces; they are joined in the end.",
    )
    weights: WeightsSection = knob(..., "")
    features: FeaturesSection = knob(..., "")
    training: TrainingSection = knob(..., "")
    motion: MotionSettings = knob(..., "against the camera, from optical flow")
    clustering: ClusteringSection = knob(..., "")
    refinement: RefinementSection = knob(..., "the tokens that decide where objects end")
    objects: ObjectSettings = knob(..., "")
    scoring: ScoringSection = knob(..., "")
    learning: LearningKnobs = knob(
        ...,
        "of the odds that two points lie on one object, in the target learn",
    )
    pictures: PicturesSection = knob(..., "overlay films and contact sheets")
    exports: ExportSettings = knob(..., "what the target `exports` writes")
    report: ReportSettings = knob(
        ..., "`make report`: one HTML file with the results and players of the videos"
    )
    batch_size: int | None = knob(
        None,
        "Videos that a job computes one after another, with the model loaded once. null: as many "
        "as keep the machine's GPUs (or cores) busy when a data set is first listed, at most 128 "
        "(32 where jobs run one by one); kept from then on.",
        ge=1,
    )
    allow_failures: bool = knob(
        False,
        "A video whose data are bad is left out and named in results/tables/failures.csv, and the "
        "others are finished. true: that is all right; false: the run then ends with an error, and "
        "the next one tries the video again.",
    )
    runs: dict[str, dict[str, Any] | None] = knob(
        ...,
        "Each run is the settings above with some of them changed. All runs are computed side by "
        "side, share what they have in common, and get a row each in the tables. "
        "runs: {default: {}, paper: {method: paper}}",
    )
    sweep: dict[str, Values] = knob(
        {},
        "Lists of values for settings that a run may change, by dotted name: each run above "
        "becomes one for every step, named after its values, and results/tables/sweep.csv has "
        "means over seeds. sweep: {clustering.tau: [0.02, 0.05, 0.1], seed: [0, 1, 2]}",
    )
    sweep_mode: Literal["grid", "zip"] = knob(
        "grid",
        "grid: every value with every other. zip: the first values together, then the second ones; "
        "all lists have one length.",
    )


#: The keys of a configuration, with the types of their values.
SECTIONS: dict[str, Any] = {
    name: Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    for name, field in Configuration.__pydantic_fields__.items()
}


def fitted(kind: Any, value: Any) -> Any:
    """A value as it was read from YAML, checked, complete, and in plain types.

    Args:
        kind: one of :data:`SECTIONS`, or the class of a section.
        value: what the configuration says.

    Raises:
        pydantic.ValidationError: it does not fit.
    """
    # By way of JSON, so that lists become tuples and nothing else is converted.
    made = adapter(kind).validate_json(json.dumps(value, default=str), strict=True)
    return adapter(kind).dump_python(made, mode="json")
