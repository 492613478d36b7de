"""A cluster, and a project whose chain has run on this machine without it."""

import pytest

from support.shared import made_once
from support.slurm_cluster import cluster
from support.workflow_project import SMALL, Project, merged

# Two batches, so that stages have several jobs; two GPUs of a training.
SETTINGS = {"batch_size": 2, "training": {"clips_per_step": 2}}


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A cluster for all tests of this worker."""
    with cluster(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(scope="session")
def local(slurm, tmp_path_factory, package):
    """The project after a run on this machine; tests copy it and leave it alone."""

    def make(folder):
        Project(folder, SETTINGS, package=package).run()

    folder = made_once(tmp_path_factory, "local", make)
    return Project.at(folder, merged(SMALL, SETTINGS))


@pytest.fixture
def project(local, tmp_path):
    return local.copy(tmp_path / "project")
