"""What one sees while the workflow runs: the plugin takes Snakemake's messages, told by hand."""

import io
import logging
import sys

import pytest
from rich.console import Console
from rich.text import Text
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry
from snakemake_interface_logger_plugins.tests import MockOutputSettings, TestLogHandlerBase

from betrayed.engine.run_progress import notes_of
from snakemake_logger_plugin_betrayed import LogHandler, LogHandlerSettings


class TestAsSnakemakeTestsPlugins(TestLogHandlerBase):
    """The tests that the interface brings for every plugin."""

    __test__ = True

    @pytest.fixture(autouse=True)
    def _its_own_environment(self, monkeypatch):
        monkeypatch.setenv("BETRAYED_STATUS", "")

    def get_log_handler_cls(self):
        return LogHandler

    def get_log_handler_settings(self):
        return LogHandlerSettings()


@pytest.fixture
def handler(monkeypatch, tmp_path):
    monkeypatch.setenv("BETRAYED_STATUS", "")
    monkeypatch.chdir(tmp_path)
    made = LogHandler(MockOutputSettings(), LogHandlerSettings())
    yield made
    made.close()


def tell(handler, event=None, message="", level=logging.INFO, **facts):
    record = logging.LogRecord("snakemake", level, "", 0, message, (), None)
    vars(record).update(facts, **({} if event is None else {"event": event}))
    handler.emit(record)


def started(handler, job, rule, **wildcards):
    tell(handler, LogEvent.JOB_INFO, jobid=job, rule_name=rule, wildcards=wildcards, output=["o"])


def test_it_is_found_on_pythons_path():
    sys.modules.pop("snakemake_logger_plugin_betrayed", None)
    registry = LoggerPluginRegistry()
    registry.collect_plugins()
    assert registry.is_installed("betrayed")


def test_a_log_has_a_line_for_each_stage_that_is_over_and_none_for_jobs(handler, capsys):
    tell(handler, message="Building DAG of jobs...")
    tell(handler, LogEvent.RUN_INFO, "Job stats: …", stats={"all": 1})
    started(handler, 1, "train_block", block="b")
    started(handler, 2, "list_runs")
    tell(handler, LogEvent.JOB_FINISHED, job_id=2)
    tell(handler, LogEvent.PROGRESS, done=1, total=3)
    assert capsys.readouterr().err == ""
    tell(handler, LogEvent.JOB_FINISHED, job_id=1)
    tell(handler, LogEvent.JOB_FINISHED, job_id=1)
    assert capsys.readouterr().err == "[0:00] train the block: 1 of 1 job, took 0:00\n"


def test_where_nothing_was_to_be_done_the_places_of_results_are_said_all_the_same(handler, capsys):
    nothing = "Nothing to be done (all requested files are present and up to date)."
    tell(handler, message=nothing)
    assert capsys.readouterr().err == f"{nothing}\n"
    tell(handler, where_to_look=lambda: "Masks: here")
    assert capsys.readouterr().err == ""
    tell(handler, message=nothing)
    assert capsys.readouterr().err == f"{nothing}\n\nMasks: here\n\n"


def test_videos_that_were_up_to_date_are_told(handler, capsys, tmp_path):
    log = tmp_path / "job.log"
    log.write_text("cluster_tracks: 0 to compute, 1 up to date\n")
    tell(handler, LogEvent.JOB_INFO, jobid=1, rule_name="cluster_tracks", log=[str(log)],
         wildcards={"dataset": "made", "batch": "0000"}, output=["records/0000.json"])  # fmt: skip
    tell(handler, LogEvent.JOB_FINISHED, job_id=1)
    told = capsys.readouterr().err
    assert told == "[0:00] cluster into tracks: 1 of 1 video (1 up to date), took 0:00\n"


def test_a_stage_of_several_runs_has_one_line_when_all_of_it_is_over(handler, capsys):
    tell(handler, LogEvent.RUN_INFO, "Job stats: …", stats={"train_block": 3, "total": 3})
    for job in range(3):
        assert capsys.readouterr().err == ""
        started(handler, job, "train_block", block=f"b{job}")
        tell(handler, LogEvent.JOB_FINISHED, job_id=job)
    assert capsys.readouterr().err == "[0:00] train the block: 3 of 3 jobs, took 0:00\n"


def test_what_is_told_of_after_a_checkpoint_counts_and_is_not_shown(handler, capsys):
    tell(handler, awaited=[f"results/blocks/b{job}/record.json" for job in range(3)])
    for job in range(3):
        assert capsys.readouterr().err == ""
        output = [f"results/blocks/b{job}/record.json"]
        tell(handler, LogEvent.JOB_INFO, jobid=job, rule_name="train_block",
             wildcards={"block": f"b{job}"}, output=output)  # fmt: skip
        tell(handler, LogEvent.JOB_FINISHED, job_id=job)
    assert capsys.readouterr().err == "[0:00] train the block: 3 of 3 jobs, took 0:00\n"


def test_what_nobody_planned_has_a_line_when_it_is_first_over_and_one_at_the_end(handler, capsys):
    """After a checkpoint, so many jobs there may be: not a line a run."""
    for job in range(5):
        started(handler, job, "train_block", block=f"b{job}")
        tell(handler, LogEvent.JOB_FINISHED, job_id=job)
    assert capsys.readouterr().err == "[0:00] train the block: 1 of 1 job, took 0:00\n"
    tell(handler, message="Report: make report", for_people=True)
    told = capsys.readouterr().err.splitlines()
    assert told == ["[0:00] train the block: 5 of 5 jobs, took 0:00", "Report: make report"]
    handler.close()
    assert capsys.readouterr().err == ""


def test_videos_that_were_left_out_are_told(handler, capsys, tmp_path):
    record = tmp_path / "0000.json"
    tell(handler, LogEvent.JOB_INFO, jobid=1, rule_name="extract_frames", output=[str(record)],
         wildcards={"dataset": "made", "batch": "0000"})  # fmt: skip
    record.write_text('{"failures": {"broken": {"reason": "cut", "stage": "extract_frames"}}}')
    tell(handler, LogEvent.JOB_FINISHED, job_id=1)
    told = capsys.readouterr().err
    assert told == "[0:00] extract frames: 1 of 1 video (1 left out), took 0:00\n"


def test_the_shells_command_is_told_only_where_nobody_gave_a_reason(handler, capsys, tmp_path):
    told = {"event": LogEvent.ERROR, "message": "RuleException: set -euo", "level": logging.ERROR}
    log = tmp_path / "job.log"
    log.write_text("error: The disk is full.\n")
    tell(handler, exception="RuleException", **told)
    tell(handler, LogEvent.JOB_ERROR, jobid=1, rule_name="cluster_tracks", log=[str(log)])
    tell(handler, exception="WorkflowError", **{**told, "message": "At least one job"})
    said = capsys.readouterr().err
    assert "The disk is full." in said and "At least one job" in said and "set -euo" not in said
    tell(handler, exception="RuleException", **told)
    handler.close()
    assert "set -euo" in capsys.readouterr().err


def test_a_run_that_somebody_stops_has_no_failures(handler, capsys, tmp_path):
    log = tmp_path / "job.log"
    log.write_text("cache_features: 3 to compute\n")
    started(handler, 1, "cache_features")
    tell(handler, message="Terminating processes on user request, this might take some time.")
    tell(handler, LogEvent.JOB_ERROR, jobid=1, rule_name="cache_features", log=[str(log)])
    tell(handler, LogEvent.ERROR, message="At least one job", exception="WorkflowError")
    handler.close()
    handler.close()
    told = capsys.readouterr().err.splitlines()
    assert " ".join(told).count("Stopped") == 1
    assert told[0].startswith("Terminating processes") and told[-1].startswith("Stopped: the same")
    assert not {"failed", "complete"} & set(" ".join(told).split())


def test_a_run_that_ends_itself_says_why_and_nothing_of_being_stopped(handler, capsys):
    started(handler, 1, "cache_features")
    tell(handler, message="Error: training.videos", level=logging.ERROR, gives_up=True)
    tell(handler, message="Terminating processes on user request, this might take some time.")
    tell(handler, LogEvent.JOB_ERROR, jobid=1, rule_name="cache_features")
    handler.close()
    told = capsys.readouterr().err
    assert "Error: training.videos\n" in told
    assert not any(word in told for word in ("Terminating", "Stopped", "failed"))


def test_what_a_cluster_says_of_a_job_that_never_began_is_told(handler, capsys, tmp_path):
    tell(handler, LogEvent.JOB_ERROR, jobid=1, rule_name="cluster_tracks",
         rule_msg="sbatch failed: no such node", log=[str(tmp_path / "none.log")])  # fmt: skip
    told = capsys.readouterr().err.splitlines()
    assert told == ["cluster_tracks failed:", "sbatch failed: no such node"]


def test_notes_of_jobs_are_told_each_once_and_many_are_counted(handler, capsys, tmp_path):
    (tmp_path / "job.log").write_text(
        "list_videos: 3 to compute\n 50%|####\r"
        "note: Left out: a.txt is no video.\nnote: v is dark.\n"
    )
    for job in (1, 2):
        log = [str(tmp_path / "job.log")]
        tell(handler, LogEvent.JOB_INFO, jobid=job, rule_name="list_videos", wildcards={},
             output=["o"], log=log)  # fmt: skip
        tell(handler, LogEvent.JOB_FINISHED, job_id=job)
    said = capsys.readouterr().err
    assert said.count("note: Left out: a.txt is no video.\n") == 1
    assert said.count("note: v is dark.\n") == 1 and "to compute" not in said
    assert notes_of("\n".join(f"note: {one}" for one in range(25)))[-2:] == [
        "note: 19",
        "note: 5 more of these are in the log",
    ]


def test_what_failed_is_told_with_its_reason_and_its_log(handler, capsys, tmp_path):
    log = tmp_path / "job.log"
    log.write_text("cluster_tracks: 1 to compute\nerror: The disk is full.\nFree some.\n")
    started(handler, 1, "cluster_tracks")
    tell(
        handler, LogEvent.JOB_ERROR, level=logging.ERROR, jobid=1, rule_name="cluster_tracks",
        log=[str(log)],
    )  # fmt: skip
    told = capsys.readouterr().err.splitlines()
    assert told == ["cluster_tracks failed:", "error: The disk is full.", "Free some.",
                    f"Its log: {log}"]  # fmt: skip
    tell(handler, message="Some of it [is] odd", level=logging.WARNING)
    tell(handler, message="Nothing to be done (all requested files are present).")
    tell(handler, message="Masks: results/made/masks", for_people=True)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Some of it [is] odd" and told[1].startswith("Nothing to be done")
    assert told[2:] == [
        "[0:00] cluster into tracks: 0 of 1 job, 1 failed",
        "Masks: results/made/masks",
    ]


def test_on_a_terminal_lines_are_redrawn_and_the_last_word_stands_below(handler):
    stream = io.StringIO()
    handler.console = Console(file=stream, force_terminal=True, width=100, legacy_windows=False)
    started(handler, 1, "train_block", block="b")
    assert handler.live is not None
    tell(handler, LogEvent.JOB_FINISHED, job_id=1)
    tell(handler, LogEvent.PROGRESS, done=1, total=2)
    tell(handler, message="Report: make report", for_people=True)
    assert handler.live is None
    *lines, last = Text.from_ansi(stream.getvalue()).plain.rstrip().splitlines()
    assert "train the block" in "".join(lines) and "1 of 2 jobs" in "".join(lines)
    assert last == "Report: make report"


def test_what_cannot_be_taken_ends_no_run(handler, capsys, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    tell(handler, LogEvent.JOB_INFO, jobid=1)
    started(handler, 2, "train_block", block="b")
    tell(handler, LogEvent.JOB_FINISHED, job_id=2)
    assert "train the block" in capsys.readouterr().err


def test_nothing_temporary_stays(tmp_path, handler):
    """Nor what a killed run has left; and a plan beside a run takes nothing away."""
    left = tmp_path / ".snakemake" / "status" / "cache_features-1.json"
    left.parent.mkdir(parents=True)
    left.write_text("{}")
    plan = LogHandler(MockOutputSettings(), LogHandlerSettings())
    plan.close()
    assert left.exists()
    started(handler, 1, "cache_features", batch="0000")
    assert left.parent.is_dir() and not left.exists()
    handler.close()
    assert not left.parent.exists()
