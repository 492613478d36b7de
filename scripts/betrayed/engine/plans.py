"""What a run would do: the jobs and videos of each stage, and those that are up to date."""

import csv
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from betrayed.engine.run_progress import STAGES
from betrayed.engine.sources import source_digest
from betrayed.engine.stamps import STAMPS
from betrayed.errors import UserError

_COLUMNS = ("output_file", "rule", "plan")
_RECORD = re.compile(r"results/(?P<dataset>[^/]+)/records/.+/(?P<batch>[flp]?[0-9]+)\.json")
_BLOCK = re.compile(r"results/blocks/[^/]+/record\.json")


@dataclass
class Stage:
    """The jobs of a rule.

    Attributes:
        jobs: that a run would start.
        videos: of these jobs, as data sets are listed now; None for a rule whose jobs have none of
            their own, such as training.
        kept: those of ``videos`` that the same program has made before, and whose files are there.
            The job leaves them alone where settings and data are the same, too.
        reused_jobs: whose results are up to date.
        reused_videos: of these jobs.
    """

    jobs: int = 0
    videos: int | None = None
    kept: int = 0
    reused_jobs: int = 0
    reused_videos: int | None = None


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes:
        stages: by rule, in the order of the chain.
        unlisted: data sets that are to be listed first; what is done with their videos is known
            afterwards.
        others: how many other files are to be written, by rule: lists, tables, weights.
    """

    stages: dict[str, Stage]
    unlisted: list[str]
    others: dict[str, int]


def read_plan(lines: Iterable[str]) -> Plan:
    """Read what ``snakemake --summary`` prints, in the folder of the project.

    Raises:
        UserError: it is something else.
    """
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if not set(_COLUMNS) <= set(rows.fieldnames or ()):
        raise UserError("This is not what snakemake --summary prints. Call `make plan`.")
    stages: dict[str, Stage] = {}
    unlisted, others = [], {}
    for path, rule, plan in ([row[name] for name in _COLUMNS] for row in rows):
        pending = plan != "no update"
        if record := _RECORD.fullmatch(path):
            videos = _videos(record["dataset"]).get(record["batch"], [])
            _count(stages.setdefault(rule, Stage(0, 0, 0, 0, 0)), rule, path, videos, pending)
        elif _BLOCK.fullmatch(path):
            stage = stages.setdefault(rule, Stage())
            stage.jobs += pending
            stage.reused_jobs += not pending
        elif pending and rule == "list_videos":
            unlisted += [Path(path).parent.name] if path.endswith("videos.csv") else []
        elif pending:
            others[rule] = others.get(rule, 0) + 1
    order = sorted(stages, key=[*STAGES, *stages].index)  # one without a name on the screen: last
    return Plan({rule: stages[rule] for rule in order}, unlisted, others)


def plan_text(plan: Plan, files: Sequence[str] = (), videos: str | None = None) -> str:
    """The plan as a table for people.

    Args:
        plan: what a run would do.
        files: the configuration files that it is of, and
        videos: what the variable ``VIDEOS`` was; both stand in the command that lists videos.
    """
    lines = []
    if plan.stages:
        head = ("", "to do:", "", "", "up to date:", "")
        head2 = ("stage", "jobs", "videos", "may be kept", "jobs", "videos")
        rows = [head, head2, *(_cells(rule, stage) for rule, stage in plan.stages.items())]
        widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
        for first, *rest in rows:
            cells = [
                first.ljust(widths[0]),
                *(one.rjust(wide) for one, wide in zip(rest, widths[1:], strict=True)),
            ]
            lines.append("  ".join(cells).rstrip())
        if any(stage.kept for stage in plan.stages.values()):
            lines.append(
                "May be kept: made before by the same program; a job computes those alone whose "
                "settings or data have changed."
            )
    if plan.unlisted:
        target = f"results/{plan.unlisted[0]}/videos.csv"
        command = ["snakemake", "--cores", "all", target]
        command += ["--configfile", *files] if files else []
        variable = f"VIDEOS={shlex.quote(videos)} " if videos else ""
        lines += [
            f"Not listed yet: the videos of {', '.join(plan.unlisted)}. What is done with them is "
            "known when they are; to list them, and nothing else:",
            f"  {variable}{shlex.join(command)}",
        ]
    if plan.others:
        named = ", ".join(f"{rule} {count}" for rule, count in sorted(plan.others.items()))
        lines.append(f"Other files to write: {named}.")
    if not plan.unlisted and not plan.others and not any(one.jobs for one in plan.stages.values()):
        lines.append("Nothing to do: all is up to date.")
    return "\n".join(lines) + "\n"


def _count(stage: Stage, rule: str, path: str, videos: list[str], pending: bool) -> None:
    if pending:
        stage.jobs += 1
        stage.videos += len(videos)
        folder = Path(path).parent / STAMPS
        stage.kept += sum(_made_before(folder / f"{video}.json", rule) for video in videos)
    else:
        stage.reused_jobs += 1
        stage.reused_videos += len(videos)


def _videos(dataset: str) -> Mapping[str, list[str]]:
    """The videos of each batch; none where the data set has not been listed."""
    batches: dict[str, list[str]] = {}
    path = Path("results", dataset, "videos.csv")
    if path.is_file():
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            for row in csv.DictReader(file):
                batches.setdefault(row["batch"], []).append(row["video"])
    return batches


def _made_before(stamp: Path, rule: str) -> bool:
    """Whether a stamp is of the program as it is, and its files are there."""
    try:
        values = json.loads(stamp.read_text(encoding="utf-8"))
        if values["recipe"]["code"] != source_digest(rule):
            return False
        return all(Path(name).stat().st_size == size for name, size in values["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _cells(rule: str, stage: Stage) -> tuple[str, ...]:
    numbers = stage.jobs, stage.videos, stage.kept, stage.reused_jobs, stage.reused_videos
    if stage.videos is None:
        numbers = stage.jobs, None, None, stage.reused_jobs, None
    return rule, *("-" if one is None else str(one) for one in numbers)
