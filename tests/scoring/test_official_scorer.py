"""davis2017-evaluation as the scorer. It is on no registry: a stand-in takes its place here.

The stand-in has the module and the signatures of the real code, computes by the naive versions, and
keeps a list of its calls. Figures of the real code are compared in test_reference.py
wherever it is installed.
"""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from betrayed.config.reading import read_settings
from betrayed.errors import UserError
from betrayed.scoring.davis import pairwise_scores
from betrayed.scoring.official import official_scores
from betrayed.scoring.protocols import ScoreSettings, score_arrays
from support.naive_scoring import blobs
from support.workflow_project import Project

STAND_IN = """
import numpy as np
from support.naive_scoring import boundary_f, jaccard

called = []


def db_eval_iou(annotation, segmentation, void_pixels=None):
    called.append("J")
    frames = zip(annotation, segmentation, void_pixels)
    return np.array([jaccard(*frame) for frame in frames])


def db_eval_boundary(annotation, segmentation, void_pixels=None, bound_th=0.008):
    called.append("F")
    frames = zip(annotation, segmentation, void_pixels)
    return np.array([boundary_f(*frame) for frame in frames])
"""


@pytest.fixture
def official(tmp_path, monkeypatch):
    package = tmp_path / "site" / "davis2017"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "metrics.py").write_text(STAND_IN)
    for name in ("davis2017", "davis2017.metrics"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(package.parent))
    from davis2017 import metrics

    yield metrics
    for name in ("davis2017", "davis2017.metrics"):
        sys.modules.pop(name, None)


def clip():
    rng = np.random.default_rng(0)
    truth = blobs(rng, (3, 12, 15), [0, 0, 1, 2, 255])
    truth[0, 0, :2] = 1, 2
    return truth, blobs(rng, (3, 12, 15), range(4))


def test_it_gives_the_same_figures_of_every_pair(official):
    truth, masks = clip()
    ours, theirs = pairwise_scores(truth, masks, 2, 3), official_scores(truth, masks, 2, 3)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    # Fewer proposals than objects are filled up, as it does itself.
    few = np.minimum(masks, 1)
    np.testing.assert_allclose(
        pairwise_scores(truth, few, 2, 1), official_scores(truth, few, 2, 1), atol=1e-12
    )


def test_the_setting_makes_it_the_scorer(official):
    truth, masks = clip()
    protocols = ("davis2016", "davis2017-sequence", "davis2017-frame")
    given = {"foreground": masks, "proposals": masks}
    own = score_arrays(truth, **given, settings=ScoreSettings(protocols))
    assert official.called == []
    settings = ScoreSettings(protocols, scorer="davis2017-evaluation")
    theirs = score_arrays(truth, **given, settings=settings)
    assert set(official.called) == {"J", "F"}
    pd.testing.assert_frame_equal(own, theirs)


@pytest.fixture
def absent(monkeypatch):
    """As where it is not installed, whatever is installed here."""
    monkeypatch.setattr("betrayed.config.scoring.find_spec", lambda name: None)


def test_it_is_refused_by_name_where_it_is_not_installed(absent):
    ScoreSettings(scorer="built-in")
    with pytest.raises(UserError, match=r"scorer: davis2017-evaluation is not installed"):
        read_settings(ScoreSettings, '{"scorer": "davis2017-evaluation"}')


@pytest.mark.workflow
def test_the_workflow_refuses_it_before_anything_runs(tmp_path):
    project = Project(tmp_path / "project")
    project.settings["scoring"] = {"scorer": "davis2017-evaluation"}
    code = "from importlib.util import find_spec; print(find_spec('davis2017') is None)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if found.stdout.strip() == "True":
        text = project.run("--dry-run", check=False)
        assert "davis2017-evaluation is not installed" in text
    else:
        assert project.planned()["score_video"] == 3
    project.settings["scoring"] = {"scorer": "official"}
    assert "scoring.scorer" in project.run("--dry-run", check=False)
