"""Score files in one tidy table, and what is said of those that are damaged."""

import numpy as np
import pandas as pd
import pytest

from betrayed.errors import UserError
from betrayed.reporting.measurements import KEYS, read_measurements
from support.score_files import WHOLE, A, B, score_sources

HEAD = "protocol,object,frame,metric,value\n"


@pytest.fixture
def sources(tmp_path):
    return score_sources(tmp_path, {"b": B, "a": A})


def test_all_rows_sorted_by_their_keys(sources):
    others = [source | {"run": "another"} for source in sources]
    table = read_measurements(sources + others)
    assert list(table.columns) == [*KEYS, "value"]
    assert len(table) == 2 * (len(A.splitlines()) + len(B.splitlines()) - 2)
    plain = table.astype({name: "str" for name in KEYS if table[name].dtype == "category"})
    pd.testing.assert_frame_equal(plain, plain.sort_values(KEYS, ignore_index=True))
    first = table.iloc[0].tolist()
    assert first == ["another", "made", "a", 1, 0, "davis2017-sequence", "F", 0.7]
    # The first object in its frames, by its frames, then the frames, then the video.
    video_a = table[(table["run"] == "default") & (table["video"] == "a")]
    assert video_a["frame"].head(5).tolist() == [0, 0, 5, 5, pd.NA]
    assert video_a["metric"].tail(10).tolist()[:2] == ["J", "FG-ARI"]


def test_a_row_takes_24_bytes_and_its_keys_are_categories(tmp_path):
    lines = [f"davis2017-frame,{one % 7},{one // 7},J,0.5\n" for one in range(5000)]
    table = read_measurements(score_sources(tmp_path, {"a": HEAD + "".join(lines)}))
    categories = ["run", "dataset", "video", "protocol", "metric"]
    assert all(table[name].dtype == "category" for name in categories)
    assert table.memory_usage(index=False, deep=True).sum() <= 24 * 5000 + 1000


def test_a_whole_data_sets_figures(tmp_path, sources):
    table = read_measurements(sources + score_sources(tmp_path, {"all": WHOLE}))
    chosen = table[table["video"] == "all"]
    assert chosen[["protocol", "metric", "value"]].to_numpy().tolist() == [
        ["youtube-vis", "AP", 0.25]
    ]


def test_no_files_and_files_without_figures(tmp_path):
    for table in (read_measurements([]), read_measurements(score_sources(tmp_path, {"a": HEAD}))):
        assert list(table.columns) == [*KEYS, "value"]
        assert table.empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("protocol,object,metric,value\ndavis2016,,J_mean,1\n", "must have the columns protocol"),
        (HEAD + "davis2016,,,J_mean,good\n", "is no table of scores"),
        (HEAD + "davis2016,1.5,,J_mean,1\n", "is no table of scores"),
        ("", "is no table of scores"),
        ("\0\1", "must have the columns protocol"),
        # Cut short in the middle of a line.
        (HEAD + "davis2016,,,J_mean,1\ndavis2016,,,F_me", "has no protocol, metric or value in"),
        (HEAD + "davis2016,,,J_mean,inf\n", "has no protocol, metric or value in line 2"),
        (HEAD + ",,,J_mean,1\n" * 7, "has no protocol, metric or value in line 2, 3, 4, 5, 6, …"),
        (HEAD + "davis2016,,,J_mean,1\n" * 2, "repeats what it measured before in line 3"),
    ],
)
def test_damaged_scores_are_named_with_what_to_do(sources, tmp_path, text, message):
    (tmp_path / "b.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        read_measurements(sources)
    assert f"b.csv {message}" in str(caught.value)
    assert "Delete it and run the workflow again" in str(caught.value)


def test_unusable_lists(sources, tmp_path):
    with pytest.raises(UserError, match="default / made / b are listed twice"):
        read_measurements([*sources, sources[0]])
    with pytest.raises(UserError, match=r"nowhere\.csv does not exist\. Run the workflow"):
        read_measurements([sources[0] | {"path": "nowhere.csv"}])
    with pytest.raises(UserError, match=r"all\.csv holds objects or frames"):
        read_measurements(score_sources(tmp_path, {"all": A}))


def test_keys_that_look_like_nothing_are_kept(tmp_path):
    """Names are free: a run may be called none, a video NA."""
    sources = score_sources(tmp_path, {"NA": HEAD + "davis2016,,,J_mean,1\n"}, run="none")
    table = read_measurements(sources)
    assert table[["run", "video"]].to_numpy().tolist() == [["none", "NA"]]
    assert np.isfinite(table["value"]).all()
