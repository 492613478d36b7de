"""The report's page: everything gathered, and the template filled."""

import re
from pathlib import Path

from betrayed.config.report import ReportSettings
from betrayed.io.files import whole_file, whole_folder
from betrayed.io.style import GREY, PALETTE, for_paper, heat_colours
from betrayed.reporting.report import failures, figures, provenance, tables
from betrayed.reporting.report.choice import choice_text, choose_videos
from betrayed.reporting.report.overview import overview_table
from betrayed.reporting.report.rendering import render
from betrayed.reporting.report.results import cards, headline, score_figures
from betrayed.reporting.report.shown import shown_videos
from betrayed.reporting.report.sources import Sources, finished, first_run
from betrayed.reporting.report.table_files import read_table
from betrayed.reporting.report.training import training_figures
from betrayed.reporting.report.worst import worst_objects
from betrayed.reporting.summary import stage_table

#: The project's folder.
_ROOT = Path(__file__).resolve().parents[4]


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
        UserError: a table is missing, or no video was finished.
    """
    folder = Path(tables_folder)
    summary = read_table(folder / "summary.parquet")
    objects = read_table(folder / "objects.parquet")
    # Of every frame; other rows of this table are not needed.
    frames = read_table(
        folder / "measurements.parquet", [[("metric", "==", metric)] for metric in "JF"]
    )
    failed = failures.failures_of(folder / "failures.csv")
    sweep = None if sources.sweep is None else read_table(Path(sources.sweep))
    videos, by_run = sources.videos, sources.by_run()
    first = first_run(by_run)
    figure = headline(summary)
    figures_of = tables.figures_by_video(summary)
    scores = {
        key: figures_of[(first, *key, *figure)]
        for key in videos
        if figure and (first, *key, *figure) in figures_of
    }
    present = [key for key in videos if any(finished(by_run, key))]
    chosen = choose_videos(present, scores, settings.videos)
    links = {key: f"#video-{place}" for place, key in enumerate(chosen)}
    runs = {run.name: run.run_id for run in sources.runs}
    swept = None if sweep is None else figures.sweep_figure(sweep, sources.sweep)
    drawn = {
        "figures": score_figures(summary, frames, runs, figure),
        "training": list(training_figures(sources.runs)),
    }
    context = {
        "title": ", ".join(dict.fromkeys(dataset for dataset, _ in videos)) or "no videos",
        "made": provenance.now(),
        "computed": provenance.written(folder / "summary.parquet"),
        "commit": provenance.commit(_ROOT),
        "runs": sources.runs,
        "videos": len(videos),
        "cards": cards(summary),
        **drawn,
        "sweep": None if swept is None else (swept, tables.sweep_table(sweep)),
        "overview": overview_table(summary, figures_of, videos, by_run, links),
        "failures": None if failed is None else tables.failure_table(failed),
        "given_up": failures.given_up(failed),
        "unfinished": failures.unfinished(videos, by_run, failed),
        "worst": worst_objects(objects, first, by_run[first]),
        "worst_run": first,
        "tables": [
            tables.object_table(objects, links),
            tables.summary_table(summary),
            tables.leaderboard_table(read_table(folder / "leaderboard.parquet")),
        ],
        "settings": tables.settings_table(read_table(folder / "runs.parquet"), list(runs)),
        "stages": tables.stages_table(stage_table(benchmarks)),
        "software": provenance.software(),
        "machine": provenance.machine(),
        "made_by": provenance.made_by(sources.results),
        "shown": list(shown_videos(chosen, by_run, settings, frames)),
        "choice": choice_text(len(present), len(chosen), figure, first),
        "style": {"palette": PALETTE, "grey": GREY, "heat": heat_colours()},
    }
    if figures_folder is not None:
        with whole_folder(figures_folder) as folder:
            for one in (*drawn["figures"], *drawn["training"], *filter(None, [swept])):
                name = re.sub(r"[^\w.-]", "-", one.name)
                (folder / f"{name}.svg").write_text(for_paper(one.svg), encoding="utf-8")
    with whole_file(output) as temporary:
        # Names of files may hold what is no text.
        temporary.write_text(render(context), encoding="utf-8", errors="replace")
