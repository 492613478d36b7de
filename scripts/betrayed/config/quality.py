"""Levels of quality: settings that go together, from a first look to the finest that is offered.

What each level costs is on the page docs/videos.md.
"""

from collections.abc import Mapping
from typing import Any, Literal

from betrayed.config.merging import merged

Quality = Literal["draft", "normal", "fine"]

#: What each level sets, over config.yaml.
QUALITIES: Mapping[str, Mapping[str, Any]] = {
    "draft": {
        "films": {"step": 4, "height": 360, "window": 60, "overlap": 4},
        "features": {"height": 168, "width": 294},
        # A clip spans as long as one of every frame does: what is computed lies four apart.
        "training": {"height": 168, "width": 294, "steps": 100, "stride": 1},
        "clustering": {"approximate": 2},
    },
    "normal": {
        "features": {"height": 322, "width": 560},
        "training": {"height": 322, "width": 560},
    },
    "fine": {
        "features": {"height": 322, "width": 560},
        "training": {"height": 322, "width": 560},
        "refinement": {"height": 476, "width": 826},
    },
}


def with_quality(config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with the settings of its level of quality.

    Args:
        config: as it was read: config.yaml, and what is given over it.
        given: what is given over it, in files or on the command line; it wins over the level's
            settings, which win over those of config.yaml.
    """
    level = config.get("quality")
    # What is no level is found by the checks, with everything else.
    own = QUALITIES.get(level, {}) if isinstance(level, str) else {}
    return merged(merged(config, own), given)
