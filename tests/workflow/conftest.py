"""A finished run of the small project, made once for all workers."""

import pytest

from support.shared import made_once
from support.workflow_project import SMALL, Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project whose workflow has run to the end; tests copy it and leave it alone."""
    folder = made_once(tmp_path_factory, "finished", lambda folder: Project(folder).run())
    return Project.at(folder, SMALL)


@pytest.fixture
def project(finished, tmp_path):
    return finished.copy(tmp_path / "project")
