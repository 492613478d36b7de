"""The environments agree with one another; the locks say nothing of where packages lie."""

import re
from importlib import metadata

import pytest
import yaml

from support.paths import ROOT

ENVS = ROOT / "envs"


def pins(name):
    """Versions by package that a lock file allows, for whichever Python."""
    found = re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ENVS / name).read_text(), flags=re.MULTILINE)
    versions = {}
    for package, version in found:
        versions.setdefault(package, set()).add(version)
    return versions


@pytest.mark.parametrize("name", ["light.yaml", "torch.yaml"])
def test_conda_environments_hold_the_locked_versions(name):
    locked = pins("requirements.txt") | pins("torch.txt")
    *_, pip = yaml.safe_load((ENVS / name).read_text())["dependencies"]
    for requirement in pip["pip"]:
        package, version = requirement.split("==")
        assert version in locked[package], requirement


def test_every_requirement_that_is_named_is_locked_with_hashes():
    for name in ("requirements", "torch", "slurm"):
        text = (ENVS / f"{name}.in").read_text()
        named = set(re.findall(r"^([a-z][a-z0-9-]*)", text, flags=re.MULTILINE))
        assert named <= set(pins(f"{name}.txt"))
        lock = (ENVS / f"{name}.txt").read_text()
        assert "://" not in lock
        assert lock.count("--hash=sha256:") >= len(pins(f"{name}.txt"))


def test_this_environment_is_the_locked_one():
    for package, versions in pins("requirements.txt").items():
        if package in ("numpy", "timm", "snakemake", "h5py", "pandas", "scipy"):
            assert metadata.version(package) in versions
