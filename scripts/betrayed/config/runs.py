"""The runs of a configuration, each split into what each stage depends on.

A run is a named set of settings. What a stage makes is stored under an identifier built from the
settings that this stage and the ones before it depend on, so that two runs share what they have
in common and never overwrite one another.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from betrayed.config.clustering import ClusterSettings
from betrayed.config.features import FeatureSettings
from betrayed.config.merging import merged
from betrayed.config.sections import SECTIONS, fitted
from betrayed.config.sweeps import variants
from betrayed.config.training import TrainSettings
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
#: What `method: paper` sets, whatever else is configured: the paper has no choice of objects.
PAPER = {
    "training": {"output_dropout": "attention"},
    "refinement": {"height": None, "width": None},
    "objects": {"choice": "size", "pixels": "none"},
}
#: Hexadecimal digits in identifiers: 48 bits, so that no two of a million settings share them.
DIGITS = 12
#: What the digits that were given out stand for.
_STANDS_FOR: dict[str, str] = {}


@dataclass(frozen=True)
class Run:
    """One run: its name, its settings, and the identifiers of what it needs.

    In a sweep ``base`` is the entry of ``runs`` that it comes from, and ``swept`` has the settings
    that are swept by dotted name, with the values of this run.
    """

    name: str
    settings: Mapping[str, Any]
    base: str = ""
    swept: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def features(self) -> dict[str, Any]:
        """Settings of the cached features that inference reads."""
        return self._drawn(self._told(FeatureSettings, self.settings["features"], views=0))

    @cached_property
    def fine_features(self) -> dict[str, Any]:
        """Settings of the cached features that decide where objects end."""
        sizes = {name: value for name, value in self.settings["refinement"].items() if value}
        return {**self.features, **sizes}

    @cached_property
    def training_features(self) -> dict[str, Any]:
        """Settings of the cached features that training reads."""
        own = self.settings["training"]
        sizes = {name: own[name] for name in ("height", "width", "views")}
        return self._drawn({**self.features, **sizes})

    @cached_property
    def training(self) -> dict[str, Any]:
        """Settings of the training itself, not of its features."""
        return self._told(TrainSettings, self.settings["training"])

    @cached_property
    def clustering(self) -> dict[str, Any]:
        """What decides the tracks: not the memory, which changes nothing."""
        return self._told(ClusterSettings, self.settings["clustering"])

    @cached_property
    def datasets(self) -> list[str]:
        """The data set it is trained on, unless it takes a block that was trained before."""
        own = self.settings["training"]
        return [] if own["checkpoint"] else [own["dataset"]]

    @cached_property
    def weights(self) -> str:
        """Identifier of the backbone's weights."""
        given = {**self.settings["weights"], "backbone": self.settings["features"]["backbone"]}
        return f"{given['backbone']}-{given['source']}-{digest(given)}"

    @cached_property
    def backbone(self) -> str:
        """Identifier of the features that inference reads."""
        return self._features_id(self.features)

    @cached_property
    def fine_backbone(self) -> str:
        """Identifier of the features that decide where objects end."""
        return self._features_id(self.fine_features)

    @cached_property
    def training_backbone(self) -> str:
        """Identifier of the features that training reads."""
        return self._features_id(self.training_features)

    @cached_property
    def block(self) -> str:
        """Identifier of the trained block."""
        own = self.settings["training"]
        if own["checkpoint"]:
            return f"{Path(own['checkpoint']).stem}-{digest(own['checkpoint'])}"
        data = {"features": self.training_backbone, "videos": own["videos"]}
        readable = f"{own['dataset']}-{own['steps']}steps-seed{self.settings['seed']}"
        return f"{readable}-{digest({**self.training, **data})}"

    @cached_property
    def clusters(self) -> str:
        """Identifier of the tracks: attention and how it was clustered."""
        rest = {"features": self.backbone, "block": self.block}
        return f"tau{self.clustering['tau']:g}-{digest({**self.clustering, **rest})}"

    @cached_property
    def motion(self) -> str:
        """Identifier of the motion against the camera."""
        return f"{self.settings['motion']['height']}px-{digest(self.settings['motion'])}"

    @cached_property
    def run(self) -> str:
        """Identifier of the masks and everything made from them."""
        objects = {"objects": self.settings["objects"], "clusters": self.clusters}
        rest = {**objects, "motion": self.motion, "fine_features": self.fine_backbone}
        return f"{self.name}-tau{self.settings['clustering']['tau']:g}-{digest(rest)}"

    def flat(self) -> dict[str, Any]:
        """All settings with dotted names, for the table of runs."""
        return dict(_flatten(self.settings))

    def _told(self, kind: Any, section: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """What a program is told whose settings are of the class ``kind``."""
        values = {**section, "seed": self.settings["seed"], **more}
        return {field.name: values[field.name] for field in fields(kind) if field.name in values}

    def _features_id(self, settings: Mapping[str, Any]) -> str:
        size = f"{settings['height']}x{settings['width']}"
        views = f"-{settings['views']}views" if settings["views"] else ""
        readable = f"{settings['backbone']}-{settings['facet']}-{size}{views}"
        return f"{readable}-{digest({**settings, 'weights': self.weights})}"

    def _drawn(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of features with the seed that they depend on: it decides how views are drawn.

        Runs that differ in their seed alone share features, and have to tell their maker the same.
        """
        return {**settings, "seed": self.settings["seed"] if settings["views"] else 0}


def runs(config: Mapping[str, Any]) -> list[Run]:
    """The runs of a checked configuration, those of its sweep included, in its order."""
    base = {name: config[name] for name in RUN_SECTIONS}
    made = []
    for one in variants(config):
        own = run_settings(base, one.changes)
        own = {key: fitted(SECTIONS[key], value) for key, value in own.items()}
        made.append(Run(one.name, own, one.base, one.swept))
    return made


def settings_of_runs(made: Iterable[Run]) -> dict[str, dict[str, Any]]:
    """The settings of every run, flat, by its name: for the table of runs."""
    return {run.name: {"run_id": run.run, **run.flat()} for run in made}


def swept_runs(made: Iterable[Run]) -> list[dict[str, Any]]:
    """What is swept in each run, for the table of the sweep."""
    return [{"run": run.name, "base": run.base, "swept": dict(run.swept)} for run in made]


def run_settings(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run: what all runs start from, its changes, and what its method sets."""
    own = merged(base, changes)
    return merged(own, PAPER) if own.get("method") == "paper" else own


def dataset_root(dataset: Mapping[str, Any]) -> str:
    """Where a data set lies: its environment variable when that is set, else its root."""
    variable = dataset["root_variable"]
    return (os.environ.get(variable) if variable else None) or dataset["root"]


def scoring_settings(config: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """How the videos of a data set are scored: by its own protocols where it names some."""
    own = config["datasets"][dataset]["protocols"]
    return {**config["scoring"], "protocols": own or config["scoring"]["protocols"]}


def digest(value: Any) -> str:
    """Hexadecimal digits that stand for a value: equal settings, equal digits.

    Raises:
        UserError: they stand for another value already, whose files would be overwritten.
    """
    text = json.dumps(value, sort_keys=True)
    digits = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
    if _STANDS_FOR.setdefault(digits, text) != text:
        raise UserError(
            f"Two settings have the same identifier {digits}, and their files would overwrite one "
            f"another: {_STANDS_FOR[digits]} and {text}. Change a setting of either that matters "
            "little, such as a learning rate in its tenth digit."
        )
    return digits


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item
