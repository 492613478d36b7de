"""Figures over data sets, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from betrayed.errors import UserError
from betrayed.reporting.averages import OBJECT_COLUMNS, SUMMARY_COLUMNS, SUMMARY_KEYS, summarise
from betrayed.reporting.leaderboard import scored_videos
from betrayed.reporting.measurements import read_measurements
from support.score_files import WHOLE, A, B, figure, score_sources


def summary_of(sources):
    return summarise(read_measurements(sources), scored_videos(sources))


@pytest.fixture
def sources(tmp_path):
    return score_sources(tmp_path, {"b": B, "a": A})


def test_figures_over_a_data_set_by_hand(sources):
    summary, objects = summary_of(sources)
    assert list(summary.columns) == SUMMARY_COLUMNS
    # Over three objects: J (.9 + .6 + 0) / 3, F (.7 + .5 + .3) / 3.
    official = {"video": "all", "protocol": "davis2017-sequence"}
    assert figure(summary, metric="J_mean", **official) == pytest.approx(0.5)
    assert figure(summary, metric="F_mean", **official) == pytest.approx(0.5)
    assert figure(summary, metric="J&F", **official) == pytest.approx(0.5)
    # Over two videos: J (.8 + 1/3) / 2, F .3, J&F half their sum.
    merged = {"video": "all", "protocol": "davis2016"}
    assert figure(summary, metric="J_mean", **merged) == pytest.approx(0.566667, abs=1e-6)
    assert figure(summary, metric="J&F", **merged) == pytest.approx(0.433333, abs=1e-6)
    assert figure(summary, video="all", metric="FG-ARI") == pytest.approx(0.05)
    assert figure(summary, video="b", protocol="davis2016", metric="J_mean") == 1 / 3
    assert list(objects.columns) == OBJECT_COLUMNS
    assert objects["object"].tolist() == [1, 1, 2, 2, 1, 1]
    assert not summary.duplicated(SUMMARY_KEYS).any()
    pd.testing.assert_frame_equal(summary, summary.sort_values(SUMMARY_KEYS, ignore_index=True))


def test_miou_is_over_objects_and_fg_ari_over_videos(tmp_path):
    # As SOLV has it: (.5 + .3 + .7) / 3 for three objects, FG-ARI (.2 + .4) / 2 for two videos.
    head = "protocol,object,frame,metric,value\n"
    texts = {
        "a": "video-object,1,,mIoU,0.5\nvideo-object,2,,mIoU,0.3\nvideo-object,,,mIoU,0.4\n"
        "video-object,,,FG-ARI,0.2\n",
        "b": "video-object,7,,mIoU,0.7\nvideo-object,,,mIoU,0.7\nvideo-object,,,FG-ARI,0.4\n",
    }
    measured = score_sources(tmp_path, {video: head + text for video, text in texts.items()})
    summary, _ = summary_of(measured)
    assert figure(summary, video="all", metric="mIoU") == pytest.approx(0.5)
    assert figure(summary, video="all", metric="FG-ARI") == pytest.approx(0.3)


def test_intervals_by_hand(sources):
    """Of two videos, draws of one of them twice are the ends: 1/4 of all draws each."""
    summary, _ = summary_of(sources)
    ends = {}
    for metric in ("J_mean", "F_mean", "J&F"):
        keys = {"video": "all", "protocol": "davis2017-sequence", "metric": metric}
        ends[metric] = (figure(summary, "low", **keys), figure(summary, "high", **keys))
        assert figure(summary, "videos", **keys) == 2
    # Video a twice: over its two objects, J .75, F .6. Video b: J 0, F .3.
    assert ends["J_mean"] == pytest.approx((0, 0.75))
    assert ends["F_mean"] == pytest.approx((0.3, 0.6))
    assert ends["J&F"] == pytest.approx((0.15, 0.675))
    assert figure(summary, "low", video="all", metric="FG-ARI") == pytest.approx(-0.1)
    single = summary[summary["video"] == "a"]
    assert single[["low", "high"]].isna().all(axis=None)
    assert (single["videos"] == 1).all()


def test_many_videos_against_plain_loops_and_scipy(tmp_path):
    """Twelve videos of one to four objects: the mean over their objects, and its interval."""
    generator = np.random.default_rng(5)
    by_video, texts = [], {}
    for video in "abcdefghijkl":
        scores = generator.beta(2, 3, size=(generator.integers(1, 5), 2)).tolist()
        by_video.append(scores)
        lines = ["protocol,object,frame,metric,value"]
        for index, both in enumerate(scores, start=1):
            for metric, value in zip(("J_mean", "F_mean"), both, strict=True):
                lines.append(f"davis2017-frame,{index},,{metric},{value!r}")
        texts[video] = "\n".join(lines) + "\n"
    summary, _ = summary_of(score_sources(tmp_path, texts))

    def over_objects(videos):
        values = [(j + f) / 2 for video in videos for j, f in by_video[int(video)]]
        return sum(values) / len(values)

    keys = {"video": "all", "metric": "J&F"}
    assert figure(summary, **keys) == pytest.approx(over_objects(range(12)), abs=1e-12)
    theirs = bootstrap(
        (np.arange(12),), over_objects, vectorized=False, method="percentile", rng=6
    ).confidence_interval
    ends = figure(summary, "low", **keys), figure(summary, "high", **keys)
    assert ends == pytest.approx((theirs.low, theirs.high), abs=0.005)
    assert ends[1] - ends[0] > 0.05


def test_one_video_has_no_interval(sources):
    summary, _ = summary_of(sources[:1])
    assert figure(summary, video="all", protocol="davis2016", metric="J_mean") == 1 / 3
    assert summary[["low", "high"]].isna().all(axis=None)


def test_a_video_without_a_figure_does_not_count_in_it(tmp_path, sources):
    """Three videos, of which one has no FG-ARI: its mean and interval are of the other two."""
    lines = [line for line in A.splitlines() if "FG-ARI" not in line]
    summary, _ = summary_of(sources + score_sources(tmp_path, {"c": "\n".join(lines) + "\n"}))
    keys = {"video": "all", "metric": "FG-ARI"}
    assert figure(summary, **keys) == pytest.approx(0.05)
    assert figure(summary, "high", **keys) == pytest.approx(0.2)
    assert figure(summary, "videos", **keys) == 2
    assert figure(summary, "videos", video="all", protocol="davis2016", metric="J&F") == 3


def test_two_runs_stay_apart(sources):
    others = [source | {"run": "fine"} for source in sources[:1]]
    summary, _ = summary_of(sources + others)
    keys = {"video": "all", "protocol": "davis2017-sequence", "metric": "J_mean"}
    assert figure(summary, run="fine", **keys) == 0
    assert figure(summary, run="default", **keys) == pytest.approx(0.5)


def test_what_only_the_data_set_has_is_no_mean(tmp_path, sources):
    summary, _ = summary_of(sources + score_sources(tmp_path, {"all": WHOLE}))
    row = summary[summary["metric"] == "AP"]
    assert row[["video", "value", "videos"]].to_numpy().tolist() == [["all", 0.25, 2]]
    assert row[["low", "high"]].isna().all(axis=None)


def test_a_figure_of_the_data_set_and_of_videos_is_refused(tmp_path, sources):
    whole = WHOLE + "davis2016,,,J_mean,0.5\n"
    with pytest.raises(UserError, match="davis2016 J_mean of default / made is measured of single"):
        summary_of(sources + score_sources(tmp_path, {"all": whole}))


def test_video_without_scores_has_no_rows(tmp_path, sources):
    (tmp_path / "b.csv").write_text("protocol,object,frame,metric,value\n")
    summary, _ = summary_of(sources)
    assert set(summary["video"]) == {"a", "all"}


def test_no_scores_make_empty_tables():
    summary, objects = summary_of([])
    assert list(summary.columns) == SUMMARY_COLUMNS
    assert summary.empty
    assert objects.empty
