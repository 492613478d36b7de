"""The report's page: everything gathered, and the template filled."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from betrayed.clustering.tracks import read_tracks
from betrayed.config.report import ReportSettings
from betrayed.errors import UserError
from betrayed.io.files import whole_file, whole_folder
from betrayed.io.progress import progress
from betrayed.io.style import (
    GREY,
    PALETTE,
    for_paper,
    heat_colours,
    page_colours,
    svg_text,
)
from betrayed.reporting.leaderboard import figure_text
from betrayed.reporting.measurements import ALL
from betrayed.reporting.merging import merging_drawn
from betrayed.reporting.object_colours import grid_ids
from betrayed.reporting.report import figures, players, provenance, tables
from betrayed.reporting.report.choice import choose_videos
from betrayed.reporting.report.frame_spread import frame_quartiles
from betrayed.reporting.report.sources import Result, RunSource, Sources
from betrayed.reporting.report.worst import worst_objects
from betrayed.reporting.summary import stage_table
from betrayed.video.video import Video

TEMPLATES = Path(__file__).with_name("templates")
#: Scripts of the page, in their order.
SCRIPTS = ("tables.js", "player.js")
#: Blocks whose clusters over the steps are shown, the first ones: they are photographs.
_MOST_STRIPS = 3
_ROOT = Path(__file__).resolve().parents[4]

Key = tuple[str, str]


@dataclass(frozen=True)
class Shown:
    """A video that has a player; ``merging`` is the drawing of its tracks, or empty.

    ``poster`` is a picture of it, where scripts are off or the page is printed.
    """

    anchor: str
    key: Key
    title: str
    data: Mapping[str, Any]
    poster: str
    facts: str
    merging: str
    made_from: Mapping[str, str]


def write_report(
    output: str | Path,
    sources: Sources,
    tables_folder: str | Path,
    benchmarks: str | Path,
    settings: ReportSettings,
    figures_folder: str | Path | None = None,
) -> None:
    """Write the report.

    Args:
        output: the HTML file.
        sources: the runs and where the results of every video lie.
        tables_folder: where ``summary``, ``objects``, ``leaderboard``, ``runs`` and
            ``measurements`` lie as Parquet, and ``failures.csv`` where something failed.
        benchmarks: the folder of the jobs' seconds and memory.
        settings: what bounds it.
        figures_folder: where its figures are written too, as SVG on white; None: nowhere.

    Raises:
        UserError: a table is missing.
    """
    folder = Path(tables_folder)
    summary = _read_table(folder / "summary.parquet")
    objects = _read_table(folder / "objects.parquet")
    # Of every frame; other rows of this table are not needed.
    frames = _read_table(
        folder / "measurements.parquet", [[("metric", "==", metric)] for metric in "JF"]
    )
    videos = _videos(sources)
    by_run = {run.name: _of_run(sources.results, run.name) for run in sources.runs}
    first = _first_run(sources, by_run)
    figure = _headline(summary)
    figures_of = tables.figures_by_video(summary)
    scores = {
        key: figures_of[(first, *key, *figure)]
        for key in videos
        if figure and (first, *key, *figure) in figures_of
    }
    finished = [key for key in videos if any(_finished(by_run, key))]
    chosen = choose_videos(finished, scores, settings.videos)
    links = {key: f"#video-{place}" for place, key in enumerate(chosen)}
    runs = {run.name: run.run_id for run in sources.runs}
    context = {
        "title": _title(sources),
        "made": provenance.now(),
        "computed": provenance.written(folder / "summary.parquet"),
        "commit": provenance.commit(_ROOT),
        "runs": sources.runs,
        "videos": len(videos),
        "cards": _cards(summary),
        "figures": _figures(summary, frames, runs, figure),
        "training": list(_training(sources.runs)),
        "sweep": None if sources.sweep is None else _sweep(sources.sweep),
        "overview": _overview(summary, figures_of, videos, by_run, links),
        "failures": _failures(folder / "failures.csv"),
        "unfinished": [key for key in videos if not all(_finished(by_run, key))],
        "worst": worst_objects(objects, first, by_run[first]),
        "worst_run": first,
        "tables": [
            tables.object_table(objects, links),
            tables.summary_table(summary),
            tables.leaderboard_table(_read_table(folder / "leaderboard.parquet")),
        ],
        "settings": tables.settings_table(_read_table(folder / "runs.parquet"), list(runs)),
        "stages": tables.stages_table(stage_table(benchmarks)),
        "software": provenance.software(),
        "machine": provenance.machine(),
        "made_by": provenance.made_by(sources.results),
        "shown": list(_players(chosen, by_run, settings, frames)),
        "choice": _choice_text(len(finished), len(chosen), figure, first),
        "style": {"palette": PALETTE, "grey": GREY, "heat": heat_colours()},
    }
    if figures_folder is not None:
        with whole_folder(figures_folder) as folder:
            swept = [context["sweep"][0]] if context["sweep"] else []
            for one in (*context["figures"], *context["training"], *swept):
                name = re.sub(r"[^\w.-]", "-", one.name)
                (folder / f"{name}.svg").write_text(for_paper(one.svg), encoding="utf-8")
    with whole_file(output) as temporary:
        # Names of files may hold what is no text.
        temporary.write_text(render(context), encoding="utf-8", errors="replace")


def render(context: Mapping[str, Any]) -> str:
    """The page as text. Whatever is in ``context`` is escaped, except our own SVG.

    Its own scripts are named by their hashes in a content security policy, so that a browser runs
    nothing else, and fetches nothing.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    css = page_colours() + (TEMPLATES / "report.css").read_text(encoding="utf-8")
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}"
    return environment.get_template("report.html.j2").render(
        context,
        policy=policy,
        css=css,
        scripts=scripts,
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _title(sources: Sources) -> str:
    datasets = dict.fromkeys(result.dataset for result in sources.results)
    return ", ".join(datasets) or "no videos"


def _videos(sources: Sources) -> list[Key]:
    return sorted({result.key for result in sources.results})


def _of_run(results: Sequence[Result], run: str) -> dict[Key, Result]:
    return {result.key: result for result in results if result.run == run}


def _finished(by_run: Mapping[str, Mapping[Key, Result]], key: Key) -> Iterator[bool]:
    """For each run that has the video whether it came to its end."""
    return (own[key].finished for own in by_run.values() if key in own)


def _first_run(sources: Sources, by_run: Mapping[str, Mapping[Key, Result]]) -> str:
    """The first run that has anything, by which videos are sorted and chosen."""
    for run in sources.runs:
        if any(result.finished for result in by_run[run.name].values()):
            return run.name
    raise UserError("No video of any run was finished, so there is nothing to report.")


def _headline(summary: pd.DataFrame) -> tuple[str, str] | None:
    """The protocol and metric that videos are ranked by: the first that was measured."""
    measured = tables.present(summary, tables.VIDEO_FIGURES)
    return measured[0][:2] if measured else None


def _cards(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """The results first: for each data set a table of its main figures, a row a run."""
    whole = summary[summary["video"] == ALL]
    cards = []
    for dataset, rows in whole.groupby("dataset", observed=True):
        figures_ = tables.present(rows, tables.VIDEO_FIGURES)
        by_run = []
        for run, own in rows.groupby("run", observed=True, sort=False):
            values = {
                (row.protocol, row.metric): (figure_text(row.value, row.low, row.high), row.videos)
                for row in own.itertuples()
            }
            texts = [values.get(figure[:2], ("", 0))[0] for figure in figures_]
            by_run.append((run, texts))
        cards.append(
            {
                "dataset": dataset,
                "videos": int(rows["videos"].max()),
                "figures": figures_,
                "runs": by_run,
            }
        )
    return cards


def _figures(
    summary: pd.DataFrame,
    frames: pd.DataFrame,
    runs: Mapping[str, str],
    figure: tuple[str, str] | None,
) -> list[figures.Drawn]:
    if figure is None:
        return []
    wanted = dict.fromkeys([figure, ("davis2016", "J_mean")])
    drawn: list[figures.Drawn | None] = []
    videos = summary[summary["video"] != ALL]
    names = ["dataset", "protocol", "metric"]
    measured = set(videos[names].astype(str).itertuples(index=False, name=None))
    for dataset in sorted({one[0] for one in measured}):
        for protocol, metric in wanted:
            if (dataset, protocol, metric) in measured:
                of = (dataset, protocol, metric)
                spread = frame_quartiles(frames, protocol, metric)
                drawn.append(figures.score_figure(summary, spread, *of, runs))
                drawn.append(figures.comparison_figure(summary, dataset, protocol, metric, runs))
    return [one for one in drawn if one is not None]


def _training(runs: Sequence[RunSource]) -> Iterator[figures.Drawn]:
    for place, block in enumerate(dict.fromkeys(run.block for run in runs)):
        users = [run for run in runs if run.block == block]
        path = users[0].training
        if path and Path(path).is_file():
            log = pd.read_csv(path)
            yield figures.training_figure(log, block, path, [run.name for run in users])
        if users[0].clusters and place < _MOST_STRIPS:
            drawn = figures.clusters_figure(users[0].clusters, block)
            if drawn is not None:
                yield drawn


def _sweep(path: str) -> tuple[figures.Drawn, tables.Table]:
    """The picture of the sweep and its table."""
    table = _read_table(Path(path))
    return figures.sweep_figure(table, path), tables.sweep_table(table)


def _overview(
    summary: pd.DataFrame,
    figures_of: Mapping[tuple[str, str, str, str, str], float],
    videos: Sequence[Key],
    by_run: Mapping[str, Mapping[Key, Result]],
    links: Mapping[Key, str],
) -> tables.Table:
    """A row a video and run: a thumbnail, what the video is, its figures."""
    measured = tables.present(summary, tables.VIDEO_FIGURES)
    rows = []
    # Of one data set and one run there is no need to say which.
    told = {"data set": len({dataset for dataset, _ in videos}) > 1, "run": len(by_run) > 1}
    pictured: set[Key] = set()
    for key in progress(videos, "thumbnails", "video"):
        for run, own in by_run.items():
            if key not in own or not own[key].finished:
                continue
            result = own[key]
            video = Video.load(result.frames)
            picture = None if key in pictured else players.thumbnail(result)
            pictured.add(key)
            dataset, _ = key
            rows.append(
                [
                    tables.Cell("", picture=picture, link=links.get(key)),
                    tables.Cell(_called(video), link=links.get(key)),
                    *(
                        tables.Cell(name)
                        for name, is_told in zip((dataset, run), told.values(), strict=True)
                        if is_told
                    ),
                    tables.whole(video.count),
                    tables.Cell(f"{video.width}×{video.height}", video.width * video.height),
                    tables.whole(float("nan") if video.objects is None else video.objects),
                    tables.whole(players.found_objects(result.objects)),
                    *(
                        tables.number(figures_of.get((run, *key, *figure[:2]), float("nan")))
                        for figure in measured
                    ),
                ]
            )
    names = tuple(title for *_, title in measured)
    plain = ("frames", "size", "true objects", "found objects")
    table = tables.Table(
        "videos",
        "Videos",
        ("picture", "video", *(name for name in told if told[name]), *plain, *names),
        rows,
        "Pictures: the middle frame with the objects of the first run. "
        "Source: results/tables/summary.csv.",
        frozenset({*plain, *names}),
        frozenset({"picture"}),
    )
    return tables.without_empty(table, "true objects")


def _players(
    chosen: Sequence[Key],
    by_run: Mapping[str, Mapping[Key, Result]],
    settings: ReportSettings,
    frames: pd.DataFrame,
) -> Iterator[Shown]:
    curves = players.frame_curves(frames)
    for place, key in enumerate(progress(chosen, "players", "video")):
        results = [own[key] for own in by_run.values() if key in own and own[key].finished]
        data = players.player(results[: settings.runs], settings, curves)
        video = Video.load(results[0].frames)
        facts = f"{video.count} frames, {video.width}×{video.height}"
        if video.fps:
            facts += f", {video.fps:g} frames a second"
        if len(data["frames"]) < video.count:
            facts += f"; {len(data['frames'])} of them are here, evenly apart"
        yield Shown(
            f"video-{place}",
            key,
            _called(video),
            data,
            players.thumbnail(results[0], max(data["size"]), data["runs"][0]["colours"]),
            facts,
            _merging(results[0], video, data["runs"][0]["colours"], f"merging-{place}"),
            {
                "frames": results[0].frames,
                "source": video.source,
                **{f"masks of {one.run}": one.objects for one in results[: settings.runs]},
                **{f"tracks of {one.run}": one.tracks for one in results[: settings.runs]},
                "backbone's attention": (
                    "of the class token to each patch; percentiles 1 to 99.5 of the video"
                ),
                "block's attention": (
                    "log N − entropy of each token's attention within its frame, heads averaged; "
                    "percentiles 1 to 99.5 of the video"
                ),
            },
        )


def _called(video: Video) -> str:
    """What people call a video."""
    return video.title or video.name


def _merging(result: Result, video: Video, colours: Mapping[int, int], name: str) -> str:
    """The tree of a video's tracks as SVG; empty where they are gone."""
    try:
        tracks = read_tracks(result.tracks)
    except UserError:
        return ""
    ids = grid_ids(Path(result.objects).parent, range(video.count), tracks.labels.shape[1:])
    with merging_drawn(tracks, ids, video.frame, colours) as figure:
        return svg_text(figure, name)


def _choice_text(videos: int, shown: int, figure: tuple[str, str] | None, first: str) -> str:
    if shown == videos:
        return ""
    if figure is None:
        return f"{shown} of {videos} videos, evenly spaced by name. report.videos sets how many."
    return (
        f"{shown} of {videos} videos, evenly spaced from the worst to the best by {figure[1]} of "
        f"{figure[0]} in the run {first}. report.videos sets how many."
    )


def _failures(path: Path) -> tables.Table | None:
    """The table of failures; None where the workflow wrote none."""
    if not path.is_file():
        return None
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if missing := {"stage", "dataset", "video", "reason"} - set(table.columns):
        raise UserError(f"{path} lacks the column {min(missing)!r}. Run the workflow again.")
    return tables.failure_table(table)


def _read_table(path: Path, only: list[list[tuple[str, str, str]]] | None = None) -> pd.DataFrame:
    """A table of the workflow; ``only``: conditions on its rows."""
    if not path.is_file():
        raise UserError(f"{path} does not exist. Run the workflow to make it.")
    try:
        table = pd.read_parquet(path, filters=only)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}). Delete it and run again.") from error
    texts = table.select_dtypes("category").columns
    return table.astype(dict.fromkeys(texts, "str"))
