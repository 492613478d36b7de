"""What one looks at after a run: its report, pictures, the notebook, and the screen meanwhile."""

import json
import re
import subprocess
import sys

from support.paths import ROOT


def test_the_report_is_made_when_it_is_asked_for(project):
    jobs = {"list_report": 1, "report_html": 1}
    assert "report_html" not in project.planned("--forceall")
    assert project.planned("report_html") == jobs
    project.run("report_html")
    text = (project.folder / "results" / "report.html").read_text(encoding="utf-8")
    assert text.count('class="player"') == 3
    # Whatever a player can show is there: nothing was looked for in the wrong place.
    assert all(f'"{layer}": null' not in text for layer in ("truth", "parts", "tracks"))
    assert all(f'"{layer}": null' not in text for layer in ("backbone", "block"))
    assert "Training of made-12steps" in text
    assert re.search(r"Clusters of [^<]+ while made-12steps\S+ was trained", text)
    assert project.planned("report_html") == {}
    project.change({"report": {"videos": 1}})
    assert project.planned("report_html") == {"report_html": 1}


def test_pictures_of_attention_are_made_when_they_are_asked_for(project):
    assert set(project.planned("attention_pictures")) == {"draw_attention", "attention_pictures"}
    project.run("attention_pictures")
    found = (project.folder / "results" / "attention_pictures").rglob("*.*")
    assert len([path for path in found if path.is_file()]) == 3 * 4
    assert project.planned("attention_pictures") == {}


def test_the_notebook_runs_on_what_a_run_left(project):
    cells = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(one["source"]) for one in cells if one["cell_type"] == "code"]
    code.append("print(len(plt.get_fignums()), len(sheets), len(strips), len(summary) > 0)")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join(code)],
        cwd=project.folder / "results",
        env=project.environment() | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # Bars, a curve, and the pictures.
    assert done.stdout == "6 3 1 True\n"


def watched(project, *options):
    """A run with the lines of `make`, as a log has them."""
    return subprocess.run(
        project.command("--logger", "betrayed", *options),
        cwd=project.folder,
        env=project.environment() | {"PYTHONPATH": str(project.folder / "scripts")},
        capture_output=True,
        text=True,
    )


def test_a_watched_run_has_a_line_a_stage_and_says_where_to_look(project):
    done = watched(project, "--forcerun", "select_objects")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("[")]
    titles = [re.sub(r"^\[[\d:]+\] ([^:]+):.*", r"\1", line) for line in lines]
    assert {"find objects", "score", "draw overlays", "collect tables"} <= set(titles)
    assert len(titles) == len(set(titles)) < 8
    (line,) = [one for one in lines if "find objects" in one]
    assert "3 of 3 videos" in line and "took" in line
    assert "rule " not in done.stderr and "to compute" not in done.stdout + done.stderr
    assert "Overlays: results/pictures/" in done.stderr and "-- report_html" in done.stderr
    # What jobs said is in their logs.
    logs = (project.folder / "results" / "logs" / "select_objects").rglob("*.log")
    assert all("3 to compute" in path.read_text() for path in logs)
    done = watched(project)
    assert done.returncode == 0 and "Nothing to be done" in done.stderr
    assert "Overlays: results/pictures/" in done.stderr


def test_a_watched_run_says_what_failed_and_why(project):
    tracks = next((project.folder / "results" / "made" / "tracks").glob("*/*.h5"))
    tracks.write_bytes(b"x" * tracks.stat().st_size)
    done = watched(project, "--forcerun", "select_objects")
    assert done.returncode != 0
    assert tracks.stem in done.stderr and "error: These videos were left out" in done.stderr
    assert "check_failures failed" not in done.stderr
