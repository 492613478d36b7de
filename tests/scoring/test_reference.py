"""DAVIS scores against the stored reference, the official code, and the naive version.

The reference lies in the folder that the environment variable BETRAYED_SHARED names, or in
``../shared``. What is not at hand is skipped, and the report of the run says so.
"""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from betrayed.io.palette import read_ids
from betrayed.reporting.averages import summarise
from betrayed.reporting.leaderboard import scored_videos
from betrayed.reporting.measurements import ALL, read_measurements
from betrayed.scoring.davis import METRICS, pairwise_scores, statistics
from betrayed.scoring.protocols import ScoreSettings, score_arrays
from support import naive_scoring
from support.davis_tables import object_figures
from support.naive_scoring import blobs
from support.paths import ROOT
from support.score_files import score_sources

REFERENCE = (
    Path(os.environ.get("BETRAYED_SHARED", ROOT.parent / "shared")) / "davis_scoring_reference"
)


def numbers(table):
    """Rows of figures in an order of their own: sets are compared, not listings."""
    return np.array(sorted(table[list(METRICS)].to_numpy(float).tolist()))


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"the reference is not in {REFERENCE}")
@pytest.mark.parametrize(("matching", "both"), [("sequence", 0.703406), ("frame", 0.785076)])
def test_agrees_with_the_stored_reference(matching, both, tmp_path):
    """Clip by clip and as far as the tables; ``both`` is the J&F that its authors state."""
    expected = pd.read_csv(REFERENCE / "expected.csv")
    expected = expected[expected["matching"] == matching]
    texts = {}
    for name, rows in expected.groupby("sequence"):
        truth, masks = (
            np.stack([read_ids(path) for path in sorted((REFERENCE / kind / name).glob("*.png"))])
            for kind in ("annotations", "predictions")
        )
        table = object_figures(truth, masks, matching)
        assert len(table) == len(rows)
        # The release's rows by frame pass from object to object: only their means are compared.
        ours, theirs = (
            numbers(one) if matching == "sequence" else numbers(one).mean(axis=0)
            for one in (table, rows)
        )
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
        settings = ScoreSettings(protocols=(f"davis2017-{matching}",))
        texts[name] = score_arrays(truth, proposals=masks, settings=settings).to_csv(index=False)
    # As far as the tables: over all objects of the three clips.
    sources = score_sources(tmp_path, texts)
    summary, _ = summarise(read_measurements(sources), scored_videos(sources))
    overall = summary[summary["video"] == ALL].set_index("metric")["value"]
    means = expected[list(METRICS)].mean()
    pd.testing.assert_series_equal(
        overall.drop("J&F"), means.sort_index(), rtol=0, atol=1e-6, check_names=False
    )
    assert overall["J&F"] == pytest.approx(both, abs=1e-6)


@pytest.mark.parametrize("matching", ["sequence", "frame"])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_naive_version(matching, seed):
    rng = np.random.default_rng(seed)
    truth = blobs(rng, (5, 12, 15), [0, 0, 1, 2, 255])
    masks = blobs(rng, (5, 12, 15), range(4 if seed else 2))  # seed 0: fewer than objects
    truth[0, 0, :2] = 1, 2
    j, f = naive_scoring.davis_frames(truth, masks, matching)
    expected = [statistics(a) + statistics(b) for a, b in zip(j, f, strict=True)]
    np.testing.assert_allclose(object_figures(truth, masks, matching), expected, atol=1e-12)


@pytest.mark.skipif(importlib.util.find_spec("davis2017") is None, reason="it is not installed")
def test_agrees_with_davis2017_evaluation():
    from davis2017.metrics import db_eval_boundary, db_eval_iou

    rng = np.random.default_rng(0)
    truth = blobs(rng, (6, 60, 90), [0, 0, 1, 2, 3, 255])
    masks = blobs(rng, (6, 60, 90), range(6))
    truth[0, 0, :3] = 1, 2, 3
    void = truth == 255
    pairs = np.zeros((2, 6, 3, 5))
    for g, p in np.ndindex(3, 5):
        pair = (truth == g + 1, masks == p + 1, void)
        pairs[0, :, g, p], pairs[1, :, g, p] = db_eval_iou(*pair), db_eval_boundary(*pair)
    np.testing.assert_allclose(pairwise_scores(truth, masks, 3, 5), pairs, atol=1e-12)
