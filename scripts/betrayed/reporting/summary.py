"""The closing text of a run: scores, seconds per stage, and where everything lies."""

import csv
import sys
from math import nan
from pathlib import Path

import pandas as pd

from betrayed.errors import UserError
from betrayed.reporting.leaderboard import figure_text
from betrayed.reporting.measurements import ALL

_DAVIS = {"J_mean": "J", "F_mean": "F", "J&F": "J&F"}
_PARTITION = {"FG-ARI": "FG-ARI", "mIoU": "mIoU", "mBO": "mBO"}
_RANKED = {name: name for name in ("AP", "AP50", "AP75", "AR1", "AR10", "AR100")}
_SECTIONS = {
    "Scores over all videos of each data set [95% interval]": _DAVIS,
    "What was found, as a partition, against the objects": _PARTITION,
    "Proposals ranked by score, over all videos together": _RANKED,
}
#: Figures that are shown with their intervals; more would not fit a line.
_WITH_INTERVALS = ("J&F", *_PARTITION)


def summary_text(tables: str | Path, benchmarks: str | Path, pictures: str | Path) -> str:
    """The text, some tens of lines.

    Args:
        tables: folder with ``summary.csv``.
        benchmarks: folder with a folder for each rule, and in it, at any depth, the TSV files
            that Snakemake writes for its jobs.
        pictures: folder with the pictures.

    Raises:
        UserError: there is no ``summary.csv``.
    """
    parts = [
        scores_text(tables),
        _section("Time and memory of each stage, all its jobs", stage_table(benchmarks)),
        _places(Path(tables), Path(pictures)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def scores_text(tables: str | Path) -> str:
    """The figures over whole data sets, a section for each kind of them.

    Args:
        tables: folder with ``summary.csv``.

    Raises:
        UserError: there is no ``summary.csv``.
    """
    path = Path(tables) / "summary.csv"
    if not path.is_file():
        raise UserError(f"{path} does not exist. Run the workflow to make it.")
    # Only numbers are missing; a run may well be called "none".
    empty = dict.fromkeys(["value", "low", "high", "videos"], "")
    summary = pd.read_csv(path, keep_default_na=False, na_values=empty)
    parts = [_section(title, score_table(summary, metrics)) for title, metrics in _SECTIONS.items()]
    return "\n\n".join(part for part in parts if part)


def score_table(summary: pd.DataFrame, metrics: dict[str, str]) -> pd.DataFrame:
    """The figures over whole data sets as text: a row for each run, data set and protocol.

    Args:
        summary: the table ``summary``.
        metrics: the metrics wanted and their headings.
    """
    chosen = summary[(summary["video"] == ALL) & summary["metric"].isin(metrics)]
    shown = chosen["metric"].isin(_WITH_INTERVALS)
    ends = chosen["low"].where(shown), chosen["high"].where(shown)
    texts = list(map(figure_text, chosen["value"], *ends))
    table = chosen.assign(text=texts)
    table = table.pivot(index=["run", "dataset", "protocol"], columns="metric", values="text")
    present = [name for name in metrics if name in table.columns]
    return table[present].rename(columns=metrics).rename_axis(columns=None).reset_index()


def stage_table(benchmarks: str | Path) -> pd.DataFrame:
    """What the last jobs of each rule took: stage, jobs, seconds, MB; the longest first.

    ``MB`` is the most memory that any one job had resident. The last row, ``all``, is over all
    stages. A file that is empty or damaged is left out, and standard error says so.
    """
    rows = []
    for path in sorted(Path(benchmarks).glob("*/**/*.tsv")):
        try:
            rows.append((path.relative_to(benchmarks).parts[0], *_measured(path)))
        except (OSError, ValueError, csv.Error) as error:
            print(
                f"{path} is left out of the times of stages: it is empty or damaged ({error}).",
                file=sys.stderr,
            )
    jobs = pd.DataFrame(rows, columns=["stage", "seconds", "MB"]).dropna(subset=["seconds"])
    if jobs.empty:
        return jobs
    stages = _totals(jobs).sort_values(["seconds", "stage"], ascending=[False, True])
    return pd.concat([stages, _totals(jobs.assign(stage=ALL))], ignore_index=True)


def _measured(path: Path) -> tuple[float, float]:
    """Seconds and MB of a job; nan where Snakemake was too late to measure.

    Raises:
        ValueError: the file is no whole table.
    """
    with open(path, encoding="utf-8", newline="") as file:
        job = next(csv.DictReader(file, delimiter="\t"), None)
    if job is None or None in job.values():
        raise ValueError("it ends too soon")
    texts = (job.get(name, "-") for name in ("s", "max_rss"))
    seconds, memory = (nan if text in ("-", "NA") else float(text) for text in texts)
    return seconds, memory


def _totals(jobs: pd.DataFrame) -> pd.DataFrame:
    groups = jobs.groupby("stage")
    return pd.DataFrame(
        {"jobs": groups.size(), "seconds": groups["seconds"].sum(), "MB": groups["MB"].max()}
    ).reset_index()


def _section(title: str, table: pd.DataFrame) -> str:
    if table.empty:
        return ""
    formats = {
        "seconds": "{:.1f}".format,
        "MB": "{:.0f}".format,
    }
    lines = table.to_string(
        index=False, float_format="{:.3f}".format, formatters=formats, na_rep="-"
    ).splitlines()
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _places(tables: Path, pictures: Path) -> str:
    lines = [f"Tables:   {tables}/ (leaderboard.md is the one to start with)"]
    if pictures.is_dir():
        sheets = sorted(pictures.rglob("*.png"))
        example = f" (for example {sheets[0].relative_to(pictures)})" if sheets else ""
        lines.append(f"Pictures: {pictures}/{example}")
    return "\n".join(lines)
