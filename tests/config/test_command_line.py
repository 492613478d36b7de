"""What is typed behind --config, as Snakemake itself parses it."""

import json

import pytest
from snakemake.cli import parse_config

from betrayed.config.checks import check
from betrayed.config.command_line import understood
from betrayed.config.merging import merged
from betrayed.errors import UserError
from support.configurations import DEFAULT


def as_text(value):
    """All that is no section and no list as text."""
    if isinstance(value, dict):
        return {name: as_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [as_text(one) for one in value]
    return value if isinstance(value, str) else json.dumps(value)


def test_every_setting_is_read_back_from_text():
    assert understood(as_text(DEFAULT)) == DEFAULT
    typed = [f"{name}={json.dumps(value)}" for name, value in DEFAULT.items()]
    read = understood(parse_config(typed))
    assert read == DEFAULT
    assert check(read) == check(DEFAULT)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pictures={draw: false}", {"pictures": {"draw": False}}),
        ("pictures={draw: No, opacity: 1}", {"pictures": {"draw": False, "opacity": 1.0}}),
        ("allow_failures=true", {"allow_failures": True}),
        ("batch_size=null", {"batch_size": None}),
        ("batch_size=3", {"batch_size": 3}),
        ("training={learning_rate: 1e-4}", {"training": {"learning_rate": 1e-4}}),
        ("training={videos: [1, 02]}", {"training": {"videos": ["1", "02"]}}),
        (
            'datasets={mine: {root: 2024, split: "0600", annotations: null, make: {seed: 3}}}',
            {
                "datasets": {
                    "mine": {
                        "root": "2024",
                        "split": "0600",
                        "annotations": None,
                        "make": {"seed": 3},
                    }
                }
            },
        ),
        (
            "sweep={clustering.tau: [0.02, 1], seed: [0, 1], training.videos: [[1], []]}",
            {
                "sweep": {
                    "clustering.tau": [0.02, 1.0],
                    "seed": [0, 1],
                    "training.videos": [["1"], []],
                }
            },
        ),
        (
            "runs={default: null, other: {seed: 1, clustering: {tau: 0.1}}}",
            {"runs": {"default": None, "other": {"seed": 1, "clustering": {"tau": 0.1}}}},
        ),
    ],
)
def test_what_is_typed_is_what_a_file_would_hold(typed, meant):
    assert understood(parse_config([typed])) == meant
    # A job is handed it as Snakemake writes it.
    name = typed.partition("=")[0]
    assert understood(parse_config([f"{name}={parse_config([typed])[name]!r}"])) == meant


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("pictures={draw: maybe}", "pictures.draw: must be true or false, not 'maybe'"),
        ("features={height: 84.5}", "features.height: must be a whole number, not '84.5'"),
        ("clustering={tau: small}", "clustering.tau: must be a number, not 'small'"),
        ("clustering={tau: nan}", "clustering.tau: must be a number, not 'nan'"),
        ("clustering=small", "clustering: must be a section of settings, not 'small'"),
        ("evaluate=made", "evaluate: must be a list, not 'made': write [made]"),
        ("sweep={clustering.tao: [1]}", "sweep: unknown setting 'clustering.tao'; did you mean"),
        ("runs={other: {sead: 1}}", "runs.other: unknown key 'sead'"),
        ("tau=0.1", "unknown key 'tau'; did you mean 'clustering.tau'?"),
    ],
)
def test_what_cannot_be_meant_is_left_to_the_checks(typed, fault):
    with pytest.raises(UserError) as error:
        check(merged(DEFAULT, understood(parse_config([typed]))))
    assert fault in str(error.value)
