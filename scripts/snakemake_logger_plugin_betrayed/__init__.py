"""What one sees while the workflow runs: a line a stage, and what failed, instead of every job.

    PYTHONPATH=scripts snakemake --logger betrayed --cores all

On a terminal the lines are redrawn; in a log there is one when a stage is over and one each minute
while it goes on. What jobs print is in their logs, ``results/logs``; here stand their notes
(:mod:`betrayed.io.notes`), and why one failed. Snakemake finds plugins by their name on Python's
path; its own log in ``.snakemake/log`` stays as it is.
"""

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from logging import ERROR, WARNING, LogRecord
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from betrayed.engine.run_progress import (
    Row,
    RunProgress,
    notes_of,
    rate_text,
    reason_of_failure,
    time_text,
    up_to_date,
    videos_left_out,
)
from betrayed.io.status import FOLDER, read_status

_EVERY = 60.0  # seconds between lines of a stage in a log
#: Said by Snakemake without an event, and of use.
_STOPPING = "Terminating processes"
_NOTHING = "Nothing to be done"
_SHOWN = (_NOTHING, _STOPPING, "Will exit after finishing")
#: Of the rules that make sure of what others did: their logs say it all.
_NO_RULE = ("check_failures",)


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """There is nothing to set."""


class LogHandler(LogHandlerBase):
    """Shows the progress of a run."""

    def __post_init__(self) -> None:
        """Take over standard error, and have jobs say how far they are."""
        self.progress = RunProgress()
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self.logs: dict[int, list[str]] = {}
        self.records: dict[int, str] = {}
        self.commands: list[str] = []
        self.said: dict[str, tuple[float, int]] = {}
        self.said_at: dict[str, float] = {}
        self.noted: set[str] = set()
        self.ended = threading.Event()
        self.lock = threading.RLock()
        # Made with the first job, since not every run has one; a killed run's is the next one's.
        self.folder = Path(".snakemake", "status").absolute()
        self.places: Callable[[], str] | None = None
        self.begun = False
        self.stopping = False
        self.gives_up = False
        os.environ[FOLDER] = str(self.folder)

    @property
    def writes_to_stream(self) -> bool:
        """It stands in for Snakemake's own lines."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """No: Snakemake's own log is written as ever."""
        return False

    @property
    def has_filter(self) -> bool:
        """No: ``--quiet`` goes as ever."""
        return False

    @property
    def has_formatter(self) -> bool:
        """No: what is shown as it is has Snakemake's form."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """No."""
        return False

    def emit(self, record: LogRecord) -> None:
        """Take one of Snakemake's messages."""
        try:
            with self.lock:
                self._take(record)
        except Exception:
            self.handleError(record)

    def _take(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        if (places := getattr(record, "where_to_look", None)) is not None:
            self.places = places
        elif (awaited := getattr(record, "awaited", None)) is not None:
            self.progress.awaited(awaited)
        elif self.common_settings.dryrun:
            print(self.format(record), file=sys.stderr)
        elif event == LogEvent.JOB_INFO:
            wildcards = dict(record.wildcards or {})
            self.progress.started(record.jobid, record.rule_name, wildcards, list(record.output))
            self.logs[record.jobid] = list(getattr(record, "log", ()))
            self.records[record.jobid] = str(next(iter(record.output), ""))
            self._begin()
        elif event == LogEvent.JOB_FINISHED:
            logs = self.logs.pop(record.job_id, ())
            kept = sum(up_to_date(_text(path)) for path in logs)
            left_out = videos_left_out(self.records.pop(record.job_id, ""))
            self.progress.finished(record.job_id, kept=kept, left_out=left_out)
            self._note(logs)
            self._lines()
        elif event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            self._failed(record)
        elif event == LogEvent.RUN_INFO:
            self.progress.planned(record.stats)
        elif event == LogEvent.PROGRESS:
            self.progress.jobs_done, self.progress.jobs_total = record.done, record.total
        elif getattr(record, "for_people", False):
            if self.begun:
                self._stop()  # the last word stands below the lines
            self._print(record.getMessage())
        elif event is None and (
            record.levelno >= WARNING or record.getMessage().startswith(_SHOWN)
        ):
            self.gives_up |= getattr(record, "gives_up", False)
            if record.getMessage().startswith(_STOPPING):
                self.stopping = True
                if self.gives_up:
                    return  # it says that somebody wished it
            self._print(record.getMessage(), "red" if record.levelno >= ERROR else None)
            # Then Snakemake ends at once: neither of its hooks is called.
            if record.getMessage().startswith(_NOTHING) and self.places is not None:
                self._print(f"\n{self.places()}\n")
        elif event == LogEvent.ERROR and self.stopping:
            pass  # that jobs did not complete is what was asked for
        elif event == LogEvent.ERROR and getattr(record, "exception", "") == "RuleException":
            # Which shell command it was says nothing beside the reason, if that comes.
            self.commands.append(self.format(record))
        elif event == LogEvent.ERROR:
            self._print(self.format(record), "red")

    def _begin(self) -> None:
        """With the first job comes the first line."""
        if not self.begun:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self.begun = True
        if self.live is None and self.console.is_terminal:
            self.live = Live(get_renderable=self._table, console=self.console, refresh_per_second=4)
            self.live.start()
        elif self.live is None and not self.said_at:
            self.said_at["run"] = 0.0
            threading.Thread(target=self._each_minute, daemon=True).start()

    def _each_minute(self) -> None:
        while not self.ended.wait(_EVERY):
            with self.lock:
                self._lines(all_of_them=True)

    def _lines(self, all_of_them: bool = False) -> None:
        """In a log: a line for each stage that is over, and each minute for those that are not.

        A stage may be over and begin again where a target was asked for whose jobs nobody told of:
        from then on it has a line each minute, too.
        """
        if self.live is not None or not self.begun:
            return
        for row in self.progress.rows(read_status(self.folder)):
            said = self.said.get(row.title)
            new = said != (row.done, row.total)
            over = row.over and new and (said is None or all_of_them)
            if over:
                self.said[row.title] = row.done, row.total
            if over or (all_of_them and row.running):
                self._print(f"[{time_text(self.progress.seconds)}] {row_text(row)}")

    def _note(self, logs: Iterable[str]) -> None:
        """What jobs say to people, each of it once."""
        for line in (line for path in logs for line in notes_of(_text(path))):
            if line not in self.noted:
                self.noted.add(line)
                self._print(line)

    def _failed(self, record: LogRecord) -> None:
        job = getattr(record, "jobid", None)
        rule = getattr(record, "rule_name", "a group of jobs")
        if self.stopping:
            return  # by whoever stopped it
        if job is not None:
            self.progress.finished(job, failed=True)
        if rule not in _NO_RULE:
            self._print(f"{rule} failed:", "red")
        if said := getattr(record, "rule_msg", None):  # by a cluster, which may have begun no job
            self._print(str(said).strip())
        for path in getattr(record, "log", None) or ():
            if text := _text(path):
                self._print("\n".join(reason_of_failure(text)))
                del self.commands[:1]
            if rule not in _NO_RULE and Path(path).is_file():
                self._print(f"Its log: {path}")

    def _print(self, text: str, style: str | None = None) -> None:
        self.console.print(Text(text, style=style or ""))

    def _table(self) -> Table:
        with self.lock:
            rows = self.progress.rows(read_status(self.folder))
            head = (
                f"{self.progress.jobs_done} of {self.progress.jobs_total} jobs, "
                if self.progress.jobs_total
                else ""
            )
            table = Table.grid(padding=(0, 2))
            for justify in ("left", "right", "left", "right", "right"):
                table.add_column(justify=justify, no_wrap=True)
            for row in rows:
                bar = ProgressBar(total=max(1, row.total), completed=row.done, width=20)
                last = f"{time_text(row.left)} left" if row.left is not None else ""
                style = "" if row.running else "dim"
                if row.over:
                    last = f"took {time_text(row.seconds)}"
                if row.failed:
                    last, style = f"{row.failed} failed", "red"
                table.add_row(
                    Text(row.title, style=style),
                    Text(count_text(row), style=style),
                    bar,
                    Text(rate_text(row), style=style),
                    Text(last, style=style),
                )
            table.add_row(Text(f"{head}{time_text(self.progress.seconds)}", style="bold"))
            return table

    def _stop(self) -> None:
        while self.commands:
            self._print(self.commands.pop(0), "red")
        if not self.ended.is_set():
            self._lines(all_of_them=True)
        self.ended.set()
        if self.live is not None:
            self.live.stop()
            self.live = None

    def close(self) -> None:
        """The run is over: the lines stay as they are."""
        self._stop()
        if self.stopping:
            self.stopping = False  # it is closed twice
            if not self.gives_up:
                self._print("Stopped: the same command goes on.")
        if self.begun:
            shutil.rmtree(self.folder, ignore_errors=True)
        super().close()


def count_text(row: Row) -> str:
    """How far a stage is: 12 of 30 videos."""
    many = "" if row.total == 1 else "s"
    parts = [(row.kept, "up to date"), (row.left_out, "left out")]
    told = ", ".join(f"{number} {what}" for number, what in parts if number)
    return f"{int(row.done)} of {row.total} {row.unit}{many}{f' ({told})' if told else ''}"


def _text(path: str) -> str:
    """A log as far as it is there and is text."""
    if not Path(path).is_file():
        return ""
    return Path(path).read_text(encoding="utf-8", errors="replace")


def row_text(row: Row) -> str:
    """A stage's line in a log."""
    parts = [f"{row.title}: {count_text(row)}", rate_text(row)]
    if row.failed:
        parts.append(f"{row.failed} failed")
    elif row.over:
        parts.append(f"took {time_text(row.seconds)}")
    elif row.left is not None:
        parts.append(f"{time_text(row.left)} left")
    return ", ".join(part for part in parts if part)
