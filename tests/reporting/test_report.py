"""What the report shows is what was computed; and whatever it shows is text."""

import base64
import io
import itertools
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from betrayed.config.report import ReportSettings
from betrayed.errors import UserError
from betrayed.io.palette import read_ids
from betrayed.io.style import PALETTE
from betrayed.reporting.attention_maps import as_heat, block_concentration
from betrayed.reporting.object_colours import coloured, object_ids
from betrayed.reporting.report import figures, sprites, tables, worst
from betrayed.reporting.report.choice import choose_frames, choose_videos, drops
from betrayed.reporting.report.frame_spread import frame_quartiles
from betrayed.reporting.report.players import frame_curves, matched_colours, player
from betrayed.reporting.report.provenance import commit, made_by
from betrayed.reporting.report.rendering import render
from betrayed.reporting.report.sources import GONE, STAGES, Result, read_sources
from betrayed.reporting.report.worst import worst_objects
from betrayed.video.video import Video
from support.tiny_results import (
    FRAMES,
    GRID,
    SIZE,
    add_instances,
    attention_file,
    report_list,
    tiny_results,
    tiny_video,
)
from support.tiny_scene import BALL, scene

J_OF_ALL = ("davis2016", "J_mean")
MEASURED = pd.DataFrame(
    [["r", "d", "v", "davis2016", np.nan, t, "J", t / 10] for t in range(5)]
    + [
        ["r", "d", "v", "davis2017-sequence", object_, t, metric, t / 10 + more]
        for t in range(5)
        for object_, metric, more in [(1, "J", 0.0), (1, "F", 0.2), (2, "J", 0.2), (2, "F", 0.4)]
    ]
    + [["r", "d", "v", "davis2016", np.nan, np.nan, "J_mean", 0.9]],
    columns=["run", "dataset", "video", "protocol", "object", "frame", "metric", "value"],
)
EVIL = '<script>document.title="broken"</script>'


def decoded(uri, kind):
    head, data = uri.split(",", 1)
    assert head == f"data:image/{kind};base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(data))))


def test_videos_are_chosen_from_the_worst_to_the_best():
    videos = [("d", name) for name in "abcdefg"]
    scores = {("d", name): value for name, value in zip("abcdef", [5, 0, 3, 1, 4, 2], strict=True)}
    # From worst to best: b d f c e a, then g without a score.
    assert choose_videos(videos, scores, 3) == [("d", "b"), ("d", "c"), ("d", "g")]
    assert choose_videos(videos, scores, 1) == [("d", "b")]
    assert choose_videos(videos, scores, 0) == []
    assert choose_videos(videos, scores, 99) == videos
    assert choose_videos(videos, {}, 2) == [("d", "a"), ("d", "g")]


def test_frames_are_chosen_evenly_with_both_ends():
    assert choose_frames(5, 3) == [0, 2, 4]
    assert choose_frames(3, 24) == [0, 1, 2]
    assert choose_frames(100, 4) == [0, 33, 66, 99]
    assert choose_frames(7, 1) == [0]


def test_drops_by_hand():
    assert drops([0.8, 0.8, 0.6, 0.8, 0.7]) == [2]  # 0.7 is 0.1 below the median
    assert drops([]) == []


def test_concentration_is_that_of_rows_written_out(tmp_path):
    labels = scene(2)
    attention_file(tmp_path / "a.h5", labels)
    maps = block_concentration(tmp_path / "a.h5", [1])
    ball = (labels[1] == BALL).ravel()
    n, k = ball.size, ball.sum()
    for token, got in zip(ball, maps.ravel(), strict=True):
        weights = np.where(ball, np.exp(16.0 * token), 1.0)
        row = weights / weights.sum()
        assert got == pytest.approx(np.log(n) + (row * np.log(row)).sum(), abs=1e-4)
    # Of the ball's tokens all attention is on the ball, evenly.
    assert maps.ravel()[ball] == pytest.approx(np.log(n) - np.log(k), abs=1e-3)
    assert maps.ravel()[~ball] == pytest.approx(0, abs=1e-5)


def test_heat_by_hand():
    maps = np.arange(5.0).reshape(1, 1, 5)
    assert as_heat(maps, 0, 100).tolist() == [[[0, 64, 128, 191, 255]]]
    assert as_heat(maps, 25, 75).tolist() == [[[0, 0, 128, 255, 255]]]
    assert as_heat(np.ones((2, 3, 4))).tolist() == np.zeros((2, 3, 4)).tolist()


def test_sprites_hold_ids_exactly_each_in_its_place():
    ids = [np.random.default_rng(i).integers(256, size=(5, 7), dtype=np.uint8) for i in range(5)]
    sprite = decoded(sprites.ids_sprite(ids), "png")
    columns = sprites.grid_columns(5)
    assert columns == 3 and sprite.shape == (10, 21)
    for place, one in enumerate(ids):
        top, left = 5 * (place // columns), 7 * (place % columns)
        np.testing.assert_array_equal(sprite[top : top + 5, left : left + 7], one)


@pytest.mark.parametrize(("size", "cell"), [((20, 30), (48, 48)), ((32, 64), (48, 80))])
def test_photographs_do_not_bleed_into_one_another(size, cell):
    pictures = [np.full((*size, 3), value, np.uint8) for value in (0, 255, 255, 0)]
    sprite = decoded(sprites.photograph_sprite(pictures), "webp")
    height, width = sprites.cell_size(*size)
    assert (height, width) == cell and sprite.shape == (2 * height, 2 * width, 3)
    for place, one in enumerate(pictures):
        top, left = height * (place // 2) + 8, width * (place % 2) + 8
        cell = sprite[top : top + size[0], left : left + size[1]].astype(int)
        assert np.abs(cell - one[0, 0]).max() <= 8


def test_pictures_keep_their_ratio_and_are_never_enlarged():
    assert sprites.fitted(480, 854, 480) == (270, 480)
    assert sprites.fitted(854, 480, 427) == (427, 240)
    assert sprites.fitted(60, 80, 480) == (60, 80)


def test_films_are_shown_with_the_pixels_that_they_are_displayed_with():
    # Anamorphic PAL: 720 x 576 pixels that are 64/45 as wide as high are 16:9.
    assert sprites.fitted(576, 720, 480, 64 / 45) == (270, 480)
    assert sprites.fitted(100, 100, 480, 0.5) == (100, 50)


def test_a_sprite_is_no_larger_than_its_format_allows():
    assert sprites.most_pictures((270, 480)) == 33**2  # cells of 496 pixels
    size = (1080, 1920)
    assert sprites.most_pictures(size) == 64
    assert sprites.grid_columns(64) * max(sprites.cell_size(*size)) <= 16383


def test_found_objects_take_the_colours_of_their_partners():
    truth, found = np.zeros((2, 1, 12), np.uint8), np.zeros((2, 1, 12), np.uint8)
    truth[:, 0, 0:4], truth[:, 0, 4:8], truth[:, 0, 11] = 3, 1, 255
    found[:, 0, 0:4], found[0, 0, 4:6], found[:, 0, 9], found[:, 0, 11] = 7, 2, 4, 255
    assert matched_colours(found, truth) == {7: 3, 2: 1, 4: 2}
    assert matched_colours(found, np.zeros_like(truth)) == {2: 1, 4: 2, 7: 3}


def test_the_matching_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth, found = rng.integers(0, 4, size=(2, 3, 4, 5), dtype=np.uint8)
        colours = matched_colours(found, truth)

        def iou(a, b, found=found, truth=truth):
            both = ((found == a) & (truth == b)).sum()
            return both / ((found == a) | (truth == b)).sum()

        best = max(
            sum(iou(a, b) for a, b in zip((1, 2, 3), order, strict=True))
            for order in itertools.permutations((1, 2, 3))
        )
        got = sum(iou(a, b) for a, b in colours.items() if b <= 3)
        assert got == pytest.approx(best)


def test_curves_by_hand():
    columns = ["run", "dataset", "video", "object", "frame", "protocol", "metric", "value"]
    rows = [
        ["r", "d", "v", None, 1, "davis2016", "J", 0.25],
        ["r", "d", "v", None, 0, "davis2016", "J", 0.75],
        ["r", "d", "v", 2, 0, "davis2017-sequence", "J", 0.5],
        ["r", "d", "v", 2, 0, "davis2017-frame", "J", 0.9],
        ["r", "d", "v", None, 0, "davis2016", "F", 0.1],
        ["r", "d", "v", None, None, "davis2016", "J_mean", 0.5],
    ]
    table = pd.DataFrame(rows, columns=columns).astype({"object": "Int32", "frame": "Int32"})
    whole = {"label": "foreground", "object": 0, "frames": [0, 1], "values": [0.75, 0.25]}
    own = {"label": "object 2", "object": 2, "frames": [0], "values": [0.5], "drops": []}
    assert frame_curves(table) == {("r", "d", "v"): [whole | {"drops": [1]}, own]}


def test_a_player_holds_what_the_stages_left(tmp_path):
    sources, _ = tiny_results(tmp_path, ["a"])
    (result,) = sources.results
    data = player([result], ReportSettings(frames=3), {})
    assert data["frames"] == [0, 2, 5] and data["count"] == FRAMES
    assert data["fps"] == pytest.approx(12.5001 / 2)
    columns = data["columns"]
    objects = decoded(data["runs"][0]["objects"], "png")
    truth = decoded(data["truth"], "png")
    tracks = data["runs"][0]["tracks"]
    assert tracks["size"] == GRID
    for place, index in enumerate(data["frames"]):
        row, column = divmod(place, columns)

        def cell(sprite, size, row=row, column=column):
            top, left = row * size[0], column * size[1]
            return sprite[top : top + size[0], left : left + size[1]]

        np.testing.assert_array_equal(
            cell(objects, SIZE), object_ids(Path(result.objects).parent, index)
        )
        path = Video.load(result.frames).annotations[index]
        np.testing.assert_array_equal(cell(truth, SIZE), read_ids(path))
        labels = cell(decoded(tracks["picture"], "png"), GRID)
        np.testing.assert_array_equal(labels, 1 + scene(FRAMES)[index])
    # The ball is number 2 in the truth and number 1 of what was found.
    assert data["runs"][0]["colours"][1] == 2


def test_where_the_truth_has_single_objects_they_are_shown(tmp_path, monkeypatch):
    """And not the foreground that they are merged to, in which nobody is number 2 or 3."""
    sources, folder = tiny_results(tmp_path, ["a"])
    (result,) = sources.results
    instances = add_instances(result.frames)
    data = player([result], ReportSettings(frames=FRAMES), {})
    truth = decoded(data["truth"], "png")
    shown = [read_ids(instances[index]) for index in data["frames"]]
    np.testing.assert_array_equal(truth[: SIZE[0], : SIZE[1]], shown[0])
    assert set(np.unique(truth)) == {0, 2, 3}
    assert data["runs"][0]["colours"][1] in (2, 3)
    drawn = []
    monkeypatch.setattr(worst, "coloured", lambda picture, ids: drawn.append(ids) or picture)
    table = pd.read_parquet(folder / "objects.parquet").assign(object=3)
    assert len(worst_objects(table, "default", {result.key: result}, most=1)) == 1
    assert set(np.unique(drawn[0])) == {0, 3}


def test_attention_that_is_gone_is_left_out(tmp_path):
    sources, _ = tiny_results(tmp_path, ["a"])
    result = replace(sources.results[0], attention="gone.h5", features="gone.h5")
    run = player([result], ReportSettings(), {})["runs"][0]
    assert run["block"] is None and run["backbone"] is None and run["tracks"] is not None


def test_colours_by_hand():
    picture = np.full((1, 3, 3), 100, np.uint8)
    got = coloured(picture, np.array([[0, 1, 255]], np.uint8))
    first = np.array([int(PALETTE[0][i : i + 2], 16) for i in (1, 3, 5)])
    assert got[0, 0].tolist() == [100, 100, 100]
    assert got[0, 1].tolist() == np.round(45 + 0.55 * first).astype(int).tolist()
    assert got[0, 2].tolist() == [101, 101, 101]


def test_the_worst_are_those_of_the_lowest_j(tmp_path):
    sources, folder = tiny_results(tmp_path, ["a", "b", "c"])
    objects = pd.read_parquet(folder / "objects.parquet")
    by_name = {result.key: result for result in sources.results}
    found = worst_objects(objects, "default", by_name, most=2)
    assert [(one.video, one.object, one.value) for one in found] == [("a", 2, 0.25), ("b", 2, 0.5)]


def test_a_value_without_a_name_in_the_template_is_an_error():
    with pytest.raises(Exception, match="undefined"):
        render({})


def test_figures_are_the_same_twice_and_one_name_is_no_formula(tmp_path):
    _, folder = tiny_results(tmp_path, [EVIL, "$\\frac$"])
    summary = pd.read_parquet(folder / "summary.parquet")
    frames = frame_quartiles(pd.read_parquet(folder / "measurements.parquet"), *J_OF_ALL)
    arguments = (summary, frames, "toys", *J_OF_ALL, {"default": "default-1"})
    one, other = figures.score_figure(*arguments), figures.score_figure(*arguments)
    assert one.svg == other.svg
    assert "$\\frac$" in one.svg and "<script>" not in one.svg


def test_quartiles_over_frames_by_hand():
    # Of frames 0 … 4 J is 0, 1, 2, 3, 4 tenths: quartiles at 1 and 3.
    found = frame_quartiles(MEASURED, *J_OF_ALL)
    assert found.loc[("r", "d", "v")].tolist() == pytest.approx([0.1, 0.3])
    # J and F of two objects: each frame's mean is 0.1 t + 0.2.
    found = frame_quartiles(MEASURED, "davis2017-sequence", "J&F")
    assert found.loc[("r", "d", "v")].tolist() == pytest.approx([0.3, 0.5])
    assert frame_quartiles(MEASURED, "video-object", "FG-ARI").empty


def test_bars_and_means_are_drawn_with_what_they_vary_by(monkeypatch):
    summary = pd.DataFrame(
        [
            ["r", "d", "v", *J_OF_ALL, 0.2, np.nan, np.nan],
            ["r", "d", "w", *J_OF_ALL, 0.6, np.nan, np.nan],
            ["r", "d", "all", *J_OF_ALL, 0.4, 0.35, 0.55],
        ],
        columns=["run", "dataset", "video", "protocol", "metric", "value", "low", "high"],
    )
    seen = []
    monkeypatch.setattr(figures, "svg_text", lambda figure, name: seen.append(figure) or "")
    spread = frame_quartiles(MEASURED, *J_OF_ALL)
    drawn = figures.score_figure(summary, spread, "d", *J_OF_ALL, {"r": "r-1"})
    assert "middle half of its frames" in drawn.caption
    (axes,) = seen[0].axes
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.6]
    lines = [line.tolist() for one in axes.collections for line in one.get_segments()]
    # The frames of v; w has none. Above, the interval of the mean.
    ends = [(line[0][0], line[1][0]) for line in lines if len(line) and np.isfinite(line).all()]
    assert ends == [pytest.approx((0.1, 0.3)), pytest.approx((0.35, 0.55))]
    assert [one.get_text() for one in axes.get_yticklabels()] == ["v", "w", "all videos"]


def test_many_videos_are_drawn_by_rank():
    rows = [
        ["r", "d", f"v{i}", "davis2016", "J_mean", i / 300, np.nan, np.nan, 1] for i in range(300)
    ]
    rows.append(["r", "d", "all", "davis2016", "J_mean", 0.5, 0.4, 0.6, 300])
    summary = pd.DataFrame(
        rows,
        columns=["run", "dataset", "video", "protocol", "metric", "value", "low", "high", "videos"],
    )
    nothing = frame_quartiles(MEASURED[:0], *J_OF_ALL)
    drawn = figures.score_figure(summary, nothing, "d", *J_OF_ALL, {"r": "r-1"})
    assert ">300 videos, by their figure in the run r<" in drawn.svg
    assert ">v299<" not in drawn.svg and len(drawn.svg) < 100_000


@pytest.mark.parametrize(("videos", "runs", "named"), [(40, 1, True), (3, 6, True), (40, 6, False)])
def test_bars_of_runs_do_not_lie_over_one_another(monkeypatch, videos, runs, named):
    names = [f"run-{one}" for one in range(runs)]
    keys = {"dataset": "d", "protocol": "davis2016", "metric": "J_mean"}
    summary = pd.DataFrame(
        [keys | {"run": run, "video": video, "value": 0.5, "low": 0.4, "high": 0.6}
         for run in names for video in (*(f"v{one}" for one in range(videos)), "all")]
    )  # fmt: skip
    seen = []

    def look(figure, name):
        figure.draw_without_rendering()
        seen.append([bar.get_window_extent() for bar in figure.axes[0].patches])
        return ""

    monkeypatch.setattr(figures, "svg_text", look)
    nothing = frame_quartiles(MEASURED[:0], *J_OF_ALL)
    figures.score_figure(summary, nothing, "d", *J_OF_ALL, {name: name for name in names})
    edges = sorted((bar.y0, bar.y1) for bar in seen[0])
    if named:
        assert len(edges) == videos * runs
        assert all(below[1] < above[0] for below, above in itertools.pairwise(edges))
        assert min(high - low for low, high in edges) > 5  # pixels of 1/100 inch
    else:
        assert len(edges) == runs  # bands of the means


def test_more_runs_than_can_be_told_apart_are_left_to_the_tables():
    names = [f"run-{one}" for one in range(figures.MOST_RUNS + 3)]
    keys = {"dataset": "d", "protocol": "davis2016", "metric": "J_mean"}
    summary = pd.DataFrame(
        [keys | {"run": run, "video": video, "value": 0.5, "low": 0.4, "high": 0.6}
         for run in names for video in ("a", "b", "all")]
    )  # fmt: skip
    nothing = frame_quartiles(MEASURED[:0], *J_OF_ALL)
    drawn = figures.score_figure(summary, nothing, "d", *J_OF_ALL, {name: name for name in names})
    assert drawn.caption.endswith("3 more runs are in the tables.")
    assert names[figures.MOST_RUNS - 1] in drawn.svg and names[figures.MOST_RUNS] not in drawn.svg


def test_a_long_name_leaves_room_for_bars():
    assert figures.shortened("a" * 30) == "a" * 30
    assert figures.shortened("clip-" + "a" * 100 + "-0001", 11) == "clip-…-0001"


def test_differences_by_hand():
    assert figures.difference_text(np.array([0.1, 0.1, 0.1])) == "+0.100 [+0.100, +0.100]"
    assert figures.difference_text(np.array([-0.25])) == "-0.250"
    assert figures.difference_text(np.array([])) == "no video of both"


def test_settings_that_differ_are_marked():
    runs = pd.DataFrame({"run": ["b", "a"], "seed": [1, 2], "tau": [0.1, 0.1], "path": [None] * 2})
    table = tables.settings_table(runs, ["a", "b"])
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["seed", "differs", "2", "1"],
        ["tau", "", "0.1", "0.1"],
        ["path", "", "null", "null"],
    ]
    alone = tables.settings_table(runs, ["a"])
    assert alone.columns == ("setting", "a") and len(alone.rows[0]) == 2


def test_a_column_that_holds_nothing_is_left_out():
    rows = [[tables.Cell("x"), tables.Cell(""), tables.Cell("1")]]
    table = tables.Table("t", "T", ("a", "b", "c"), rows)
    short = tables.without_empty(table, "b")
    assert list(short.columns) == ["a", "c"] and [cell.text for cell in short.rows[0]] == ["x", "1"]
    assert tables.without_empty(table, "c") is table


def test_a_mixture_of_artefacts_is_named(tmp_path):
    from betrayed.io.artefacts import create

    sources, _ = tiny_results(tmp_path, ["a"])
    results = []
    for place in range(2):
        path = tmp_path / f"tracks{place}.h5"
        with create(path, "tracks", {"weights_sha256": "abc", "seed": place}) as file:
            file["labels"], file["merges"] = np.zeros((1, 2, 2), int), np.empty((0, 4))
            file.attrs["frame_size"] = (4, 4)
        results.append(replace(sources.results[0], tracks=str(path)))
    assert made_by(results) == {
        "default": {"SHA-256 of its weights": "abc", "seed": "a mixture: 0, 1"}
    }


def test_the_commit_is_that_of_a_checkout_with_its_edits(tmp_path):
    assert commit(tmp_path / "nowhere") == "unknown: not a git checkout"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    (tmp_path / "file").write_text("one")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "one"], check=True)
    assert re.fullmatch("[0-9a-f]{40}", commit(tmp_path))
    (tmp_path / "file").write_text("two")
    assert commit(tmp_path).endswith("(with edits that are not committed)")


@pytest.mark.parametrize(
    "settings", [{"videos": -1}, {"runs": 0}, {"frames": 0}, {"width": 8}], ids=str
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match="greater than or equal"):
        ReportSettings(**settings)


@pytest.mark.parametrize(
    "text",
    ['{"runs": []}', '{"runs": [{"name": "x"}], "batches": []}', '{"runs": [], "batches": [{}]}'],
    ids=["no batches", "half a run", "half a batch"],
)
def test_an_unfit_list_of_results_is_refused(tmp_path, text):
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(UserError, match="no list of results"):
        read_sources(tmp_path / "list.json")


def test_results_are_those_of_the_records_with_what_was_left_out(tmp_path):
    stored = report_list(tmp_path, {"a": {name: f"{name}.x" for name in STAGES}}, {"b": "tracks"})
    (tmp_path / "list.json").write_text(json.dumps(stored))
    sources = read_sources(tmp_path / "list.json")
    assert [run.name for run in sources.runs] == ["default"]
    a, b = sources.results
    assert a == Result("default", "toys", "a", *(f"{name}.x" for name in STAGES))
    # b has frames and masks, and nothing from the stage on that left it out.
    assert (b.video, b.frames, b.objects, b.tracks) == ("b", "b-frames", "b-objects", GONE)
    assert (b.features, b.attention) == (GONE, GONE)


def test_tiny_videos_are_what_these_tests_think(tmp_path):
    paths = tiny_video(tmp_path)
    assert Video.load(paths["frames"]).count == FRAMES


def test_nothing_found_or_nothing_true_has_no_colours():
    nothing, ball = np.zeros((1, 2, 3), np.uint8), np.full((1, 2, 3), 2, np.uint8)
    assert matched_colours(nothing, ball) == {} and matched_colours(nothing, nothing) == {}
    assert matched_colours(ball, nothing) == {2: 1}


@pytest.mark.parametrize(("number", "panels", "left"), [(2, 1, 0), (3, 2, 0), (4, 3, 0), (7, 4, 2)])
def test_runs_are_compared_in_as_wide_a_figure_as_the_bars(monkeypatch, number, panels, left):
    names = [f"run-{one}" for one in range(number)]
    rows = [
        [run, "d", video, *J_OF_ALL, value + place / 100]
        for place, run in enumerate(names)
        for video, value in (("v", 0.2), ("w", 0.6))
    ]
    summary = pd.DataFrame(rows, columns=["run", "dataset", "video", "protocol", "metric", "value"])
    seen = []
    monkeypatch.setattr(figures, "svg_text", lambda figure, name: seen.append(figure) or "")
    drawn = figures.comparison_figure(summary, "d", *J_OF_ALL, {run: run for run in names})
    (figure,) = seen
    assert figure.get_figwidth() == 6.4
    assert [axes.get_ylabel() for axes in figure.axes] == names[1 : panels + 1]
    # The mean differences are a hundredth a run.
    titles = [axes.get_title().split()[0] for axes in figure.axes]
    assert titles == [f"{place / 100:+.3f}" for place in range(1, panels + 1)]
    assert (f" {left} more runs are" in drawn.caption) == (left > 0)
