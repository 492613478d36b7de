"""The configuration: checked before anything runs, and split into what each stage depends on.

A run is a named set of settings. What a stage makes is stored under an identifier built from the
settings that this stage and the ones before it depend on, so that two runs share what they have
in common and never overwrite one another.
"""

import copy
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from betrayed.errors import UserError

#: The sections that a run may change.
RUN_SECTIONS = (
    "method",
    "seed",
    "weights",
    "features",
    "training",
    "motion",
    "clustering",
    "refinement",
    "objects",
)
#: Layouts that need a split, with a usual one.
SPLITS = {"davis": "val", "fbms": "Testset"}
#: What `method: paper` sets, whatever else is configured: the paper has no choice of objects.
PAPER = {
    "training": {"output_dropout": "attention"},
    "refinement": {"height": None, "width": None},
    "objects": {"choice": "size", "pixels": "none"},
}
#: The setting under `features` that changes them by rounding only.
_BATCH = "batch_size"
#: Settings under `training` that say where its features come from, not how it trains.
_TRAINING_DATA = ("dataset", "videos", "height", "width", "views", "checkpoint")


@dataclass(frozen=True)
class Run:
    """One run: its name, its settings, and the identifiers of what it needs."""

    name: str
    settings: Mapping[str, Any]

    @property
    def features(self) -> dict[str, Any]:
        """Settings of the cached features that inference reads: not how many frames at a time."""
        own = {key: value for key, value in self.settings["features"].items() if key != _BATCH}
        return {**own, "views": 0, "seed": self.settings["seed"]}

    @property
    def fine_features(self) -> dict[str, Any]:
        """Settings of the cached features that decide where objects end."""
        sizes = {name: value for name, value in self.settings["refinement"].items() if value}
        return {**self.features, **sizes}

    @property
    def training_features(self) -> dict[str, Any]:
        """Settings of the cached features that training reads."""
        own = self.settings["training"]
        sizes = {name: own[name] for name in ("height", "width", "views")}
        return {**self.features, **sizes}

    @property
    def training(self) -> dict[str, Any]:
        """Settings of the training itself."""
        own = self.settings["training"]
        rest = {name: value for name, value in own.items() if name not in _TRAINING_DATA}
        return {**rest, "seed": self.settings["seed"]}

    @property
    def clustering(self) -> dict[str, Any]:
        """What decides the tracks: not the memory, which changes nothing."""
        own = self.settings["clustering"]
        return {name: value for name, value in own.items() if name != "memory_gb"}

    @property
    def datasets(self) -> list[str]:
        """The data set it is trained on, unless it takes a block that was trained before."""
        own = self.settings["training"]
        return [] if own["checkpoint"] else [own["dataset"]]

    @property
    def weights(self) -> str:
        """Identifier of the backbone's weights."""
        given = {**self.settings["weights"], "backbone": self.settings["features"]["backbone"]}
        return f"{given['backbone']}-{given['source']}-{digest(given)}"

    @property
    def backbone(self) -> str:
        """Identifier of the features that inference reads."""
        return self._features_id(self.features)

    @property
    def fine_backbone(self) -> str:
        """Identifier of the features that decide where objects end."""
        return self._features_id(self.fine_features)

    @property
    def training_backbone(self) -> str:
        """Identifier of the features that training reads."""
        return self._features_id(self.training_features)

    @property
    def block(self) -> str:
        """Identifier of the trained block."""
        own = self.settings["training"]
        if own["checkpoint"]:
            return f"{Path(own['checkpoint']).stem}-{digest(own['checkpoint'])}"
        data = {"features": self.training_backbone, "videos": own["videos"]}
        readable = f"{own['dataset']}-{own['steps']}steps-seed{self.settings['seed']}"
        return f"{readable}-{digest({**self.training, **data})}"

    @property
    def clusters(self) -> str:
        """Identifier of the tracks: attention and how it was clustered."""
        rest = {"features": self.backbone, "block": self.block}
        return f"tau{self.clustering['tau']:g}-{digest({**self.clustering, **rest})}"

    @property
    def motion(self) -> str:
        """Identifier of the motion against the camera."""
        return f"{self.settings['motion']['height']}px-{digest(self.settings['motion'])}"

    @property
    def run(self) -> str:
        """Identifier of the masks and everything made from them."""
        objects = {"objects": self.settings["objects"], "clusters": self.clusters}
        rest = {**objects, "motion": self.motion, "fine_features": self.fine_backbone}
        return f"{self.name}-tau{self.settings['clustering']['tau']:g}-{digest(rest)}"

    def flat(self) -> dict[str, Any]:
        """All settings with dotted names, for the table of runs."""
        return dict(_flatten(self.settings))

    def _features_id(self, settings: Mapping[str, Any]) -> str:
        size = f"{settings['height']}x{settings['width']}"
        views = f"-{settings['views']}views" if settings["views"] else ""
        readable = f"{settings['backbone']}-{settings['facet']}-{size}{views}"
        # The seed decides only how views are drawn.
        drawn = settings if settings["views"] else {**settings, "seed": 0}
        return f"{readable}-{digest({**drawn, 'weights': self.weights})}"


def runs(config: Mapping[str, Any]) -> list[Run]:
    """The runs of a checked configuration, in its order."""
    base = {name: config[name] for name in RUN_SECTIONS}
    return [Run(name, _settings(base, changes or {})) for name, changes in config["runs"].items()]


def _settings(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run."""
    own = _merged(base, changes)
    return _merged(own, PAPER) if own["method"] == "paper" else own


def dataset_root(dataset: Mapping[str, Any]) -> str:
    """Where a data set lies: its environment variable when that is set, else its root."""
    variable = dataset["root_variable"]
    return (os.environ.get(variable) if variable else None) or dataset["root"]


def scoring_settings(config: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """How the videos of a data set are scored: by its own protocols where it names some."""
    own = config["datasets"][dataset]["protocols"]
    return {**config["scoring"], "protocols": own or config["scoring"]["protocols"]}


def check(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a configuration and the settings of each of its runs.

    Raises:
        UserError: a key is unknown or missing, a value has the wrong type or is out of range, or
            two settings contradict each other; every problem is named, with what is allowed.
    """
    problems = [_explain(error) for error in _errors(config, schema)]
    if not problems:
        for run in runs(config):
            merged = {**config, **run.settings}
            where = f"runs.{run.name}: " if config["runs"][run.name] else ""
            problems += [where + _explain(error) for error in _errors(merged, schema)]
            problems += [where + problem for problem in _contradictions(merged)]
    if problems:
        listing = "\n".join(f"  - {problem}" for problem in dict.fromkeys(problems))
        raise UserError(f"The configuration cannot be used:\n{listing}")


def digest(value: Any) -> str:
    """Six hexadecimal digits that stand for a value: equal settings, equal digits."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _errors(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Any]:
    validator = jsonschema.Draft202012Validator(schema)
    return sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))


def _contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    known = ", ".join(config["datasets"])
    for name in [*config["evaluate"], config["training"]["dataset"]]:
        if name not in config["datasets"]:
            yield f"data set {name!r} is named but not described under datasets (there: {known})"
    if config["weights"]["source"] == "file" and not config["weights"]["path"]:
        yield "weights.path: must name a file when weights.source is 'file'"
    for name, dataset in config["datasets"].items():
        if (usual := SPLITS.get(dataset["layout"])) and not dataset["split"]:
            yield (
                f"datasets.{name}.split: layout {dataset['layout']!r} needs one, such as {usual!r}"
            )
        if dataset["protocols"] and not dataset["annotations"]:
            yield f"datasets.{name}.protocols: nothing is scored without annotations; leave it null"
        made = f"resources/{name}/videos"
        if dataset["make"] and dataset["root"] != made:
            yield f"datasets.{name}.root: a data set that is made lies in {made}"
    sides = config["refinement"]["height"], config["refinement"]["width"]
    if (sides[0] is None) != (sides[1] is None):
        yield "refinement: give height and width, or null for both"
    cues = ("motion_weight", "attention_weight", "interior_weight")
    if not any(config["objects"].get(name) for name in cues):
        yield "objects: one of the cues' weights must be above 0"
    objects = config["objects"]
    if objects.get("least_instances", 1) > objects.get("most_instances", 254):
        yield "objects.least_instances: must be at most most_instances"
    if objects.get("part_split", 0) < objects.get("split", 0):
        yield "objects.part_split: must be at least split, since parts are smaller than objects"
    training = config["training"]
    if training["final_learning_rate"] > training["learning_rate"]:
        yield "training.final_learning_rate: must not exceed training.learning_rate"


def _explain(error: Any) -> str:
    """One problem that jsonschema found, for people."""
    where = ".".join(str(part) for part in error.absolute_path) or "the configuration"
    rule, allowed = error.validator, error.validator_value
    if rule == "additionalProperties":
        allowed_names = [*error.schema.get("properties", {})]
        unknown = [name for name in error.instance if name not in allowed_names]
        return f"{where}: unknown key {', '.join(map(repr, unknown))}; known: " + ", ".join(
            allowed_names
        )
    if rule == "required":
        missing = [name for name in allowed if name not in error.instance]
        return f"{where}: {', '.join(map(repr, missing))} is missing"
    if rule == "type":
        names = [allowed] if isinstance(allowed, str) else allowed
        hint = ""
        if isinstance(error.instance, str) and {"number", "integer"} & set(names):
            hint = " (YAML reads 1e-4 as text: write 1.0e-4)"
        return f"{where}: must be {' or '.join(names)}, not {error.instance!r}{hint}"
    if rule == "enum":
        return f"{where}: must be one of {', '.join(map(repr, allowed))}, not {error.instance!r}"
    bounds = {
        "minimum": "at least",
        "maximum": "at most",
        "exclusiveMinimum": "more than",
        "exclusiveMaximum": "less than",
    }
    if rule in bounds:
        return f"{where}: must be {bounds[rule]} {allowed}, not {error.instance!r}"
    return f"{where}: {error.message}"


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(dict(base))
    for name, value in changes.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            merged[name] = _merged(merged[name], value)
        else:
            merged[name] = copy.deepcopy(value)
    return merged


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item
