"""Levels of quality: what wins over what, and that each is a configuration that can be used."""

import pytest
import yaml

from betrayed.config.checks import check
from betrayed.config.merging import merged
from betrayed.config.quality import QUALITIES, with_quality
from support.configurations import DEFAULT
from support.paths import ROOT

VIDEOS = yaml.safe_load((ROOT / "presets" / "videos.yaml").read_text())


def read(given):
    """As the workflow reads it: config.yaml, the preset, and what is given."""
    over = merged(VIDEOS, given)
    return check(with_quality(merged(DEFAULT, over), over))


@pytest.mark.parametrize("level", QUALITIES)
def test_every_level_is_a_sound_configuration(level):
    config = read({"quality": level})
    for section, settings in QUALITIES[level].items():
        assert {name: config[section][name] for name in settings} == settings


def test_what_is_given_wins_over_the_level_and_that_over_the_defaults():
    config = read({"quality": "draft", "films": {"step": 2}, "features": {"height": 224}})
    assert config["films"]["step"] == 2 and config["features"]["height"] == 224
    assert config["films"]["height"] == QUALITIES["draft"]["films"]["height"]
    assert config["films"]["window"] == QUALITIES["draft"]["films"]["window"]
    # Also where it is what config.yaml says.
    assert read({"quality": "draft", "films": {"step": 1}})["films"]["step"] == 1


def test_without_a_level_nothing_is_set():
    assert with_quality(DEFAULT, {}) == DEFAULT
    assert DEFAULT["quality"] is None


def test_normal_is_what_own_videos_had_before_there_were_levels():
    """Whose results are kept by it: every frame, at the film's own size."""
    config = read({})
    assert config["films"] == DEFAULT["films"]
    sizes = {"height": 322, "width": 560}
    assert {name: config["features"][name] for name in sizes} == sizes
    assert {name: config["training"][name] for name in sizes} == sizes
    assert config["refinement"] == DEFAULT["refinement"]


def test_what_is_no_level_is_refused():
    for wrong in ("best", 3, ["draft"]):
        with pytest.raises(Exception, match="quality"):
            read({"quality": wrong})
