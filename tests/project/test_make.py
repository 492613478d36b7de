"""What is typed behind `make`, whatever the shell hands over."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from betrayed.engine.folder_claim import claim_folder
from support.paths import ROOT, SCRIPTS

# Says what it is told, but for the program that writes down what was typed: that is told to a file,
# or done where a test asks for it.
_PYTHON = f"""case "$1" in
scripts/write_typed_settings.py) cd "$(dirname "$0")/../.." && program=$1 && shift &&
  if test -z "$REALLY_WRITE"; then printf "%s\\n" "$@" > typed; exit; fi &&
  exec "{sys.executable}" "{ROOT}/$program" "$@" ;;
esac
printf "%s\\n" "$@\""""


@pytest.fixture
def make(tmp_path):
    """Calls a copy of the Makefile, with programs that say what they are told."""
    programs = tmp_path / "project" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, text in (
        ("snakemake", 'printf "%s\\n" "$VIDEOS"'),
        ("python", _PYTHON),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path / "project")
    (tmp_path / "project" / "envs").mkdir()
    for name in ("envs/requirements.txt", "envs/torch.txt", ".venv/ready", ".venv/scorer"):
        (tmp_path / "project" / name).touch()
    (tmp_path / "home" / "clips").mkdir(parents=True)
    for name in ("config.yaml", "presets"):
        (tmp_path / "project" / name).symlink_to(ROOT / name)

    def call(*words, shell=None, before=None, really_write=False):
        environment = {**os.environ, "HOME": str(tmp_path / "home")}
        environment["REALLY_WRITE"] = "yes" if really_write else ""
        environment.pop("MAKEFLAGS", None)
        command = ["make", "--silent", *words]
        if before:
            command = ["sh", "-c", f'{before}; exec "$@"', "sh", *command]
        return subprocess.run(
            [shell, "-c", " ".join(command)] if shell else command,
            cwd=tmp_path / "project",
            env=environment,
            capture_output=True,
            text=True,
        )

    return call


NAMES = ["plain", "sp ace", "it's", 'x"y', "a$b", "$(touch here)", "h#h", "100%", "ü", "-x", "{a}"]


@pytest.mark.parametrize("name", NAMES)
def test_videos_may_lie_in_any_folder(make, tmp_path, name):
    folder = tmp_path / "project" / name
    folder.mkdir()
    for path in (folder, Path(name)):
        done = make("segment", f"VIDEOS={path}")
        assert done.stdout.splitlines()[0] == str(folder), done.stderr
    assert not (tmp_path / "project" / "here").exists()


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "sh"])
def test_home_is_found_as_every_shell_hands_it_over(make, tmp_path, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    done = make("segment", "VIDEOS=~/clips", shell=shell)
    assert done.stdout.splitlines()[0] == str(tmp_path / "home" / "clips"), done.stderr


def test_home_is_found_unexpanded(make, tmp_path):
    for word, folder in (("~/clips", "home/clips"), ("~", "home")):
        assert make("segment", f"VIDEOS={word}").stdout.splitlines()[0] == str(tmp_path / folder)


def test_a_film_is_handed_over_as_it_is(make, tmp_path):
    (tmp_path / "home" / "clips" / "a b.mp4").touch()
    done = make("segment", "VIDEOS=~/clips/a b.mp4")
    assert done.stdout.splitlines()[0] == str(tmp_path / "home" / "clips" / "a b.mp4")


def after(option: str, words: list[str]) -> list[str]:
    """What follows an option, up to the next one."""
    rest = words[words.index(option) + 1 :]
    end = next((place for place, one in enumerate(rest) if one.startswith("-")), len(rest))
    return rest[:end]


def test_what_is_typed_becomes_a_configuration(make, tmp_path):
    """A report and a plan of the videos read it, too, until something else is typed."""
    project = tmp_path / "project"
    program = project / ".venv" / "bin" / "snakemake"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    typed = ["QUALITY=draft", "START=1.5", "END=1:04", "STEP=3", "HEIGHT=360", "BLOCK=~/it's a.pt"]
    typed += ["CONFIG=my file.yaml"]
    (tmp_path / "home" / "it's a.pt").write_bytes(b"PK\x03\x04")
    (project / "my file.yaml").write_text("seed: 3\n")
    told = make("segment", "VIDEOS=~/clips", *typed, really_write=True).stdout.splitlines()
    files = ["presets/videos.yaml", "results/segment.yaml"]
    assert after("--configfile", told) == [*files, "my file.yaml"]
    written = {
        "quality": "draft",
        "films": {"start": 1.5, "end": 64, "step": 3, "height": 360},
        "training": {"checkpoint": f"{tmp_path}/home/it's a.pt"},
    }
    assert yaml.safe_load((project / files[1]).read_text()) == written
    told = make("report", "VIDEOS=~/clips").stdout.splitlines()
    assert after("--configfile", told)[:2] == files and "report_html" in told
    # What is refused is not kept: the report would be refused as well. Nor is what does not fit to
    # the settings behind it.
    (project / "my file.yaml").write_text("films: {end: 1}\n")
    for words, fault in (
        (["STEP=0"], "films.step: must be at least 1, not 0"),
        (["BLOCK=none.pt"], "training.checkpoint: there is no file none.pt"),
        (["START=2", "CONFIG=my file.yaml"], "films.end: must be more than start (2), not 1"),
    ):
        done = make("segment", "VIDEOS=~/clips", *words, really_write=True)
        assert done.returncode != 0 and fault in done.stderr
        assert "--configfile" not in done.stdout
        assert yaml.safe_load((project / files[1]).read_text()) == written
    make("segment", "VIDEOS=~/clips", really_write=True)
    assert yaml.safe_load((project / files[1]).read_text()) == {}


def test_formats_may_have_spaces(make, tmp_path):
    program = tmp_path / "project" / ".venv" / "bin" / "snakemake"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    told = make("segment", "VIDEOS=~/clips", "FORMATS=coco, mots  napari").stdout.splitlines()
    assert "exports={formats: [coco,mots,napari]}" in told
    assert told[-1] == "coco,mots,napari: results/exports"
    for none in ("FORMATS=", "FORMATS=,", "FORMATS= ,  "):
        told = make("segment", "VIDEOS=~/clips", none).stdout
        assert "exports" not in told and not told.endswith(": results/exports\n")


def test_what_is_typed_is_written_whole_or_not_at_all(make, tmp_path):
    """On a full disk, or beside a run, a report still is of what was typed last."""
    own = tmp_path / "project" / "results/segment.yaml"
    make("segment", "VIDEOS=~/clips", "STEP=2", really_write=True)
    before = own.read_text()
    # No file may be larger than nothing: as on a full disk, writing fails.
    done = make(
        *("segment", "VIDEOS=~/clips", "QUALITY=draft"), before="ulimit -f 0", really_write=True
    )
    assert done.returncode != 0 and "There is no room for results/segment.yaml" in done.stderr
    assert own.read_text() == before and list(own.parent.iterdir()) == [own]
    with claim_folder(tmp_path / "project" / ".snakemake"):
        done = make("segment", "VIDEOS=~/clips", "QUALITY=draft", really_write=True)
    assert done.returncode != 0 and "Another snakemake is at work" in done.stderr
    assert own.read_text() == before


def test_results_that_are_no_folder_are_named(make, tmp_path):
    (tmp_path / "project" / "results").touch()
    done = make("segment", "VIDEOS=~/clips", really_write=True)
    assert done.returncode != 0 and not done.stdout
    assert "results/segment.yaml cannot be written" in done.stderr


def test_what_was_typed_last_is_looked_at_before_a_report(make, tmp_path):
    for goal in ("report", "plan"):
        told = make(goal, "VIDEOS=~/clips", "CONFIG=my file.yaml").stdout.splitlines()
        assert told[:3] == ["scripts/check_settings.py", "--", "my file.yaml"]
    (tmp_path / "project" / "results").mkdir()
    (tmp_path / "project" / "results" / "segment.yaml").touch()
    for goal in ("report", "plan"):
        told = make(goal, "VIDEOS=~/clips", "CONFIG=my file.yaml").stdout.splitlines()
        assert told[:4] == [
            "scripts/check_settings.py",
            "--",
            "results/segment.yaml",
            "my file.yaml",
        ]
        assert "results/segment.yaml" not in make(goal, "CONFIG=my file.yaml").stdout
    # It is written anew, whatever stands there.
    assert "check_settings" not in make("segment", "VIDEOS=~/clips").stdout


@pytest.mark.parametrize("text", ["it's", 'dra"ft', "a: b", "{", "$HOME", "`id`", "#1", "1: 2"])
def test_whatever_is_typed_is_left_to_the_checks_as_it_is(make, tmp_path, text):
    """The shell takes nothing for something of its own, and YAML none of the formats."""
    program = tmp_path / "project" / ".venv" / "bin" / "snakemake"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    told = make("segment", "VIDEOS=~/clips", f"QUALITY={text}", f"FORMATS={text}", f"START={text}")
    typed = (tmp_path / "project" / "typed").read_text().splitlines()
    assert not told.stderr and typed[-2:] == [f"--QUALITY={text}", f"--START={text}"]
    assert f"exports={{formats: [{text.replace(' ', ',')}]}}" in told.stdout.splitlines()


@pytest.mark.parametrize("goal", ["segment", "report"])
def test_nothing_that_is_typed_is_run(make, tmp_path, goal):
    """Neither by the shell nor by make, which would for the environment of what it starts."""
    folder = tmp_path / "home" / "$(shell touch run)`touch run`$(touch run)"
    folder.mkdir(parents=True)
    done = make(goal, f"VIDEOS={folder}", f"CONFIG={folder.name}.yaml")
    assert done.returncode == 0 and not list(tmp_path.rglob("run"))
    assert f"{folder.name}.yaml" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["segment", "VIDEO=~/clips"], "make segment knows no VIDEO=. It knows VIDEOS= QUALITY= "),
        (["segment", "VIDEOS=~/clips", "quality=draft"], "make segment knows no quality=."),
        (["report", "VIDEO=~/clips"], "make report knows no VIDEO=. It knows VIDEOS= CONFIG="),
        (["plan", "VIDEOS=~/clips", "QUALITY=draft"], "make plan knows no QUALITY=."),
        (["demo", "CONFIG=a b=c.yaml"], "make demo knows no CONFIG=. Leave it out."),
        (["score", "TRUTH=a", "MASKS=b", "OPTION=--kind"], "make score knows no OPTION=."),
        (["segment", "VIDEOS=a\nb"], "VIDEOS= holds a line break: leave it out, or rename"),
        (["report", "VIDEOS=~/clips", "CONFIG=a\n"], "CONFIG= holds a line break"),
    ],
)
def test_what_a_target_cannot_take_is_refused(make, words, said):
    """Nothing is done then: without the right one a report would be of the demo."""
    done = make(*words)
    assert done.returncode != 0 and said in done.stderr and not done.stdout


def test_what_is_for_the_environment_is_handed_on(make, tmp_path):
    program = tmp_path / "project" / ".venv" / "bin" / "snakemake"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$DAVIS2016_ROOT" "$TMPDIR"\n')
    words = ["CONFIG=presets/davis2016.yaml", "DAVIS2016_ROOT=/data", f"TMPDIR={tmp_path}"]
    done = make("report", *words, "TORCH_REQUIREMENTS=envs/torch.txt")
    assert done.stdout.splitlines()[-3:-1] == ["/data", str(tmp_path)], done.stderr


def test_what_each_target_knows_is_what_it_reads():
    text = (ROOT / "Makefile").read_text()
    for names in re.findall(r"^takes-[a-z]+ :=(.*)", text, flags=re.MULTILINE):
        for name in names.split():
            assert re.search(rf"(value |[(,]){name}[),]", text), name


def test_the_report_is_named_as_it_is_typed(make, tmp_path):
    """Without VIDEOS it would be of the demo."""
    program = tmp_path / "project" / ".venv" / "bin" / "snakemake"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$BETRAYED_REPORT"\n')
    names = {"clips": "clips", "it's ü": "'it'\\''s ü'", "a$b": "'a$b'", "-x": "-x"}
    for name, typed in names.items():
        (tmp_path / "project" / name).mkdir()
        said = make("segment", f"VIDEOS={name}").stdout.splitlines()
        assert said == [f"make report VIDEOS={typed}"]
    (said,) = make("segment", "VIDEOS=clips", "CONFIG=my file.yaml").stdout.splitlines()[-1:]
    assert said == "make report VIDEOS=clips CONFIG='my file.yaml'"


def test_one_run_at_a_time_writes_what_is_typed(make, tmp_path):
    """From before it is written: Snakemake claims the folder two seconds later."""
    project = tmp_path / "project"
    held = "flock -n .snakemake/segment true || echo held"
    (project / ".venv/bin/snakemake").write_text(f"#!/bin/sh\n{held}\n")
    assert make("segment", "VIDEOS=~/clips").stdout == "held\n"
    (project / "typed").unlink()
    with (project / ".snakemake/segment").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = make("segment", "VIDEOS=~/clips")
    assert done.returncode != 0 and "Another snakemake is at work in this folder" in done.stderr
    assert not done.stdout and not (project / "typed").exists()
    (project / ".snakemake/segment").unlink()
    (project / ".snakemake/segment").mkdir()  # as what cannot be locked
    done = make("segment", "VIDEOS=~/clips")
    assert (done.returncode, done.stderr) == (0, "") and (project / "typed").exists()


@pytest.mark.parametrize("words", [[], ["VIDEOS="], ["VIDEOS=/nowhere/at all"]])
def test_a_missing_folder_is_named(make, words):
    done = make("segment", *words)
    assert done.returncode != 0 and "make segment VIDEOS=folder" in done.stderr
    assert ("there is no /nowhere/at all." in done.stderr) == (words == ["VIDEOS=/nowhere/at all"])


def test_a_plan_looks_at_what_would_be_run(make, tmp_path):
    """Its snakemake says what it is told, behind VIDEOS; the program is handed that."""
    programs = tmp_path / "project" / ".venv" / "bin"
    (programs / "snakemake").write_text('#!/bin/sh\nprintf "%s\\n" "$VIDEOS" "$@"\n')
    reads = 'test "$1" != scripts/show_plan.py || cat'
    (programs / "python").write_text(f'#!/bin/sh\n{reads}; printf "%s\\n" "$@"\n')
    plain = ["--cores", "all", "--summary"]
    assert make("plan").stdout.splitlines() == ["", *plain, "scripts/show_plan.py"]
    told = make("plan", "VIDEOS=~/clips", "CONFIG=my file.yaml").stdout.splitlines()
    files = ["--configfile", "presets/videos.yaml", "my file.yaml"]
    checked = ["scripts/check_settings.py", "--", "my file.yaml"]
    program = ["scripts/show_plan.py", *files]
    assert told == [*checked, f"{tmp_path}/home/clips", *plain, *files, *program]
    assert "there is no /nowhere." in make("plan", "VIDEOS=/nowhere").stderr


@pytest.mark.parametrize("target", ["segment", "report", "plan"])
def test_settings_that_cannot_be_read_are_refused_by_name(make, tmp_path, target):
    """Before Snakemake is called, by the program itself."""
    project = tmp_path / "project"
    (project / "scripts").symlink_to(SCRIPTS)
    (project / ".venv" / "bin" / "python").unlink()
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (project / "my tabs.yaml").write_text("training:\n\tsteps: 20\n")
    for name, told in (
        ("my tabs.yaml", "my tabs.yaml, line 2: is no YAML"),
        ("none", "no file no"),
    ):
        done = make(target, "VIDEOS=~/clips", f"CONFIG={name}")
        assert done.returncode != 0 and told in done.stderr
        assert not done.stdout and "Traceback" not in done.stderr


def test_scores_of_folders_with_spaces(make, tmp_path):
    (tmp_path / "home" / "my masks").mkdir()
    words = ["TRUTH=~/clips", "MASKS=~/my masks", "SPLIT=600:900", "OPTIONS=--kind foreground"]
    told = make("score", *words, "OUTPUT=out put").stdout.splitlines()
    home = tmp_path / "home"
    assert told == [
        "scripts/score_folder.py",
        f"--truth={home}/clips",
        f"--masks={home}/my masks",
        "--split=600:900",
        "--output=out put",
        "--kind",
        "foreground",
    ]
    assert "say what to score" in make("score", "TRUTH=~/clips", "MASKS=~/none").stderr


def test_every_target_is_listed(make):
    listed = make("help").stdout
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert all(target in listed for target in targets) and "test-property" in targets
