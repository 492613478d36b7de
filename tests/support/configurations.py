"""The default configuration, and changes of it."""

import copy
from typing import Any

import yaml

from support.paths import ROOT

DEFAULT: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The default configuration with some dotted keys set."""
    config = copy.deepcopy(DEFAULT)
    for path, value in changes:
        place = config
        *parents, last = path.split(".")
        for part in parents:
            place = place[part]
        place[last] = value
    return config
