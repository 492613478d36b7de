"""Faults done to a finished run of a tiny project, and what the next run makes of each.

The page docs/faults.md is made of these cases. After each fault the workflow runs again. Either
its tables are those of an undisturbed run, or it stops with a message; then what the message says
is done, and nothing else, and the run after that has to give these tables. Whatever was killed,
nothing temporary may be left by then. What goes otherwise is an AssertionError.
"""

import csv
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch

from betrayed.features.vit import create_vit
from betrayed.features.weight_fetching import WeightsSettings, fetch_weights
from support.dataset_copies import plain_videos
from support.workflow_project import SMALL, Project, computed, merged

BACKBONE = "vit_tiny_patch16_224.augreg_in21k"
DATASET, VIDEOS, FRAMES = "own", 7, 6
SIZE = {"height": 64, "width": 112}
#: All that a run needs, small enough that its chain takes half a minute, most of it starting.
TINY = {
    "evaluate": [DATASET],
    "datasets": {
        DATASET: {
            "layout": "folder",
            "root": "data/videos",
            "root_variable": None,
            "annotations": "data/truth",
            "instances": None,
            "annotation_kind": "ids",
            "split": None,
            "videos": [],
            "protocols": None,
            "make": None,
        }
    },
    "weights": {"source": "file", "path": "weights.pth"},
    "features": {"backbone": BACKBONE, **SIZE},
    "training": {
        "dataset": DATASET,
        "videos": ["clip-0", "clip-1"],
        "frames": 3,
        "stride": 1,
        "steps": 4,
        "checkpoint_every": 1,
        **SIZE,
    },
    "clustering": {"key_frame_ratio": 3, "tau": 0.0002},
    "motion": {"height": 120},
    "objects": {"levels": 2},
    "pictures": {"draw": True},
}
#: What the artefacts of another setting are made by.
OTHERS = {
    "features": {"height": 80},
    "training": {"height": 80},
    "clustering": {"tau": 0.0003},
    "motion": {"height": 100},
    "objects": {"levels": 1},
    "pictures": {"draw": False},
}
#: The program that makes each artefact.
MAKERS = {
    "frames": "extract_frames",
    "features": "cache_features",
    "attention": "export_attention",
    "tracks": "cluster_tracks",
    "motion": "measure_motion",
    "trajectories": "measure_motion",
    "masks": "select_objects",
    "scores": "score_video",
}


@dataclass(frozen=True)
class Group:
    """Faults that are done in one go, each a row of the page, and what does them.

    Attributes:
        rows: what was done, as the page has it.
        happen: does it to a copy of the finished project, and says of each row what came of it. It
            is given the finished project as well, to compare with.
    """

    rows: tuple[str, ...]
    happen: Callable[[Project, Project], dict[str, str]]


# The project


def make_finished(folder: Path) -> None:
    """Run the project under other settings and then under its own; artefacts of both are there."""
    project = Project(folder, TINY)
    plain_videos(folder / "data", VIDEOS, FRAMES)
    torch.manual_seed(0)
    torch.save(create_vit(BACKBONE).state_dict(), folder / "weights.pth")
    project.change(OTHERS)
    project.run()
    (folder / "others.txt").write_text("\n".join(map(str, _folders(project))))
    project.change(TINY)
    project.run()
    assert len(_folders(project)) > len((folder / "others.txt").read_text().splitlines())


def finished_at(folder: Path) -> Project:
    """The project that :func:`make_finished` made there."""
    return Project.at(folder, merged(SMALL, TINY))


def _folders(project: Project) -> list[Path]:
    """The folders of artefacts, one a setting, from the project's own."""
    results = project.folder / "results"
    found = [*results.glob("blocks/*/")]
    for stage in MAKERS.keys() - {"frames"}:
        found += results.glob(f"{DATASET}/{stage}/*/")
    return sorted(path.relative_to(project.folder) for path in found)


def artefact(project: Project, stage: str, name: str, other: bool = False) -> Path:
    """What a stage made under the project's settings, or under :data:`OTHERS`."""
    others = set((project.folder / "others.txt").read_text().splitlines())
    start = Path("results") / ("" if stage == "blocks" else DATASET) / stage
    for path in sorted((project.folder / start).glob(f"**/{name}")):
        folder = path.relative_to(project.folder / start).parts[0]
        if (str(start / folder) in others) == other:
            return path
    raise AssertionError(f"{stage} has left no {name}")


def forget(project: Project, *stages: str) -> None:
    """Let stages be computed anew, so that they read what comes before them."""
    for stage in stages:
        if stage == "blocks":
            shutil.rmtree(artefact(project, stage, "block.pt").parent)
        else:
            shutil.rmtree(project.folder / "results" / DATASET / "records" / stage)


# What is done to a file


def cut(path: Path, _: Path | None) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path, _: Path | None) -> None:
    place = _place(path)
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 16]))


def zero(path: Path, _: Path | None) -> None:
    """A page of the disk that was lost, or as much as a small file has."""
    place, size = _place(path), min(4096, path.stat().st_size // 2)
    with path.open("r+b") as file:
        file.seek(max(0, min(place, path.stat().st_size - size)))
        file.write(bytes(size))


def replace(path: Path, other: Path | None) -> None:
    shutil.copy(other, path)


def not_a_number(path: Path, _: Path | None) -> None:
    """With good checksums, as a program that computes nonsense would write it."""
    with h5py.File(path, "r+") as file:
        floating = [one for one in _data_sets(file) if one.dtype.kind == "f"]
        data = max(floating, key=lambda one: one.size)
        data[tuple(side // 2 for side in data.shape)] = np.nan


class Harmful:
    """Runs code where a pickle is read without care."""

    def __reduce__(self):
        return os.mkdir, ("executed",)


def pickle(path: Path, _: Path | None) -> None:
    torch.save({"model": Harmful()}, path)


def _place(path: Path) -> int:
    """Where what the file holds lies: within its largest data set that holds anything."""
    if path.suffix != ".h5":
        return path.stat().st_size // 2
    with h5py.File(path) as file:
        data = max(_data_sets(file), key=lambda one: one.nbytes * (np.ptp(one[()]) > 0))
        if data.chunks:
            chunk = data.id.get_chunk_info(0)
            return (
                chunk.byte_offset + min(chunk.size, data.nbytes) // 2
            )  # not what is beyond its end
        values = data[()].tobytes()
    return path.read_bytes().index(values) + len(values) // 2


def _data_sets(file: h5py.File) -> list[h5py.Dataset]:
    """Those that the next stage reads."""
    found: list[h5py.Dataset] = []
    file.visititems(lambda _, one: found.append(one) if isinstance(one, h5py.Dataset) else None)
    return [one for one in found if one.name not in UNREAD and one.size]


#: Kept for people: who reads tracks needs none of them.
UNREAD = ("/centres", "/fragments", "/sizes", "/key_frames")


DAMAGES = {
    "cut to half": cut,
    "a flipped bit": flip,
    "a page of zeros": zero,
    "NaN": not_a_number,
    "that of another video": replace,
    "that of another setting": replace,
    "a pickle that executes": pickle,
}


# What happens then


def ends_well(project: Project, finished: Project) -> None:
    """The tables are those of an undisturbed run, and nothing temporary is left."""
    assert project.tables() == finished.tables(), _differing(project, finished)
    assert not list(project.folder.rglob("executed")), "the pickle was executed"
    left = [
        str(path.relative_to(project.folder))
        for top in ("results", "resources")
        for path in (project.folder / top).rglob("*")
        if path.suffix == ".lock" or re.fullmatch(r"\..+\.[0-9a-f]{8}-\d+\..{8}(\..*)?", path.name)
    ]
    assert not left, f"left: {left}"


def _differing(project: Project, finished: Project) -> str:
    ours, theirs = project.tables(), finished.tables()
    return f"other tables: {[name for name in theirs if ours.get(name) != theirs[name]]}"


def do_as_told(project: Project, message: str) -> None:
    """Delete what a message says is to be deleted."""
    remedy = re.search(r"[Dd]elete (it|\S+?)( and|,|\.?$|\. )", message)
    assert remedy, message
    path = remedy[1]
    if path == "it":
        (path,) = re.findall(r"(?:^|\s)((?:results|resources)/\S+?)[:.,]?(?=\s)", message)[:1]
    path = project.folder / path
    assert path.exists(), f"{path} does not exist, of: {message}"
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def reasons(project: Project) -> dict[str, str]:
    """Why videos were left out, by video; empty where there is no table of it."""
    path = project.folder / "results" / "tables" / "failures.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {row["video"]: row["reason"] for row in csv.DictReader(file)}


def attempt(project: Project, *options: str) -> tuple[bool, str]:
    """Run the workflow; whether it ended well, and what it said."""
    done = subprocess.run(
        project.command(*options),
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode == 0, done.stdout


def complaints(project: Project, text: str) -> dict[str, str]:
    """What a run that stopped says of videos: in its table of failures, or as it ended."""
    found = reasons(project) if "left out" in text else {}
    if not found:
        message = told(text)
        found[re.search(r"clip-\d+", message)[0]] = message
    return found


def told(text: str) -> str:
    """The message for people in what a run said."""
    found = re.findall(r"^(?:[Ee]rror: |warning: |WorkflowError.*:\n *)(.+)", text, re.MULTILINE)
    assert found, f"no message for people:\n{text[-3000:]}"
    assert "Traceback" not in text, text[-3000:]
    return found[0]


def for_the_page(message: str, project: Project) -> str:
    """A message without what differs from run to run: places, identifiers, numbers of processes."""
    text = message.replace(f"{project.folder}/", "").replace(str(project.folder), ".")
    text = re.sub(r"[^\s/]*-[0-9a-f]{12}(?=[/.\s])", "…", text)
    text = re.sub(r"(…/)+…", "…", text)
    text = re.sub(r"\.\.\.|\(file read failed.*?\)", "…", text)
    text = re.sub(r"\b(process) \d+", r"\1 N", text)
    # A later version of the record may have it in another line.
    text = re.sub(r": line \d+ column \d+ \(char \d+\)", "", text)
    return " ".join(text.split())


# An artefact is damaged


def damaged(
    what: str, stage: str, name: str, reader: str, damages: tuple[str, ...] = tuple(DAMAGES)[:6]
) -> Group:
    """Damage a file of several videos, one in each way, and have it read by the stage after."""
    rows = {f"{what}: {damage}": damage for damage in damages}

    def happen(project: Project, finished: Project) -> dict[str, str]:
        project.change({"pictures": {"draw": False}})
        victims = {}
        for number, (row, damage) in enumerate(rows.items()):
            video = f"clip-{number}"
            path = artefact(project, stage, name.format(video))
            other = None
            if damage == "that of another video":
                other = artefact(project, stage, name.format(f"clip-{VIDEOS - 1}"))
            elif damage == "that of another setting":
                other = artefact(project, stage, name.format(video), other=True)
            before = path.read_bytes()
            DAMAGES[damage](path, other)
            assert path.read_bytes() != before, f"{row} changes nothing"
            victims[video] = row
        forget(project, reader)
        stops: dict[str, str] = {}
        for _ in range(4):
            well, text = attempt(project)
            if well:
                break
            for video, message in complaints(project, text).items():
                assert video in victims, message
                stops[victims[video]] = f"stops: {for_the_page(message, project)}"
                do_as_told(project, message)
        assert well, text[-3000:]
        ends_well(project, finished)
        # What nobody complained of was made anew, and not trusted as it was.
        for video in victims:
            file = artefact(project, stage, name.format(video))
            whole = artefact(finished, stage, name.format(video))
            assert _content(file) == _content(whole), f"nobody noticed: {victims[video]}"
        return {row: stops.get(row, "made anew: the same tables") for row in rows}

    return Group(tuple(rows), happen)


def _content(path: Path) -> object:
    """What a file holds; of HDF5, whose groups have times, what is in it."""
    if path.suffix != ".h5":
        return path.read_bytes()
    held = {}
    with h5py.File(path) as file:
        held["of the file"] = {name: str(value) for name, value in file.attrs.items()}
        file.visititems(
            lambda name, one: (
                held.update({name: one[()].tolist()}) if hasattr(one, "dtype") else None
            )
        )
    return held


def one_by_one(
    what: str,
    path: Callable[[Project], Path],
    prepare: Callable[[Project], None],
    damages: tuple[str, ...],
    other: Callable[[Project], Path] | None = None,
) -> Group:
    """Damage one file of a project in each way in turn, each in a run of its own."""
    rows = {f"{what}: {damage}": damage for damage in damages}

    def happen(project: Project, finished: Project) -> dict[str, str]:
        project.change({"pictures": {"draw": False}})
        outcome = {}
        for row, damage in rows.items():
            prepare(project)
            file = path(project)
            before = file.read_bytes()
            DAMAGES[damage](file, other(project) if other else None)
            assert file.read_bytes() != before, f"{row} changes nothing"
            outcome[row] = follow(project, finished, file)
        return outcome

    return Group(tuple(rows), happen)


def follow(project: Project, finished: Project, path: Path) -> str:
    """Run; where it stops do as it says, and run again. What came of it, and of the file."""
    whole = finished.folder / path.relative_to(project.folder)
    well, text = attempt(project)
    if not well:
        message = told(text)
        do_as_told(project, message)
        again, text = attempt(project)
        assert again, text[-3000:]
    ends_well(project, finished)
    if not well:
        return f"stops: {for_the_page(message, project)}"
    anew = computed(text)
    if warned := re.findall(r"^(\S+ is damaged and is left aside.*)$", text, re.MULTILINE):
        return f"goes on: {for_the_page(warned[0], project)} The same tables"
    if whole.exists() and path.read_bytes() == whole.read_bytes():
        return "made anew: the same tables"
    return f"computed anew: {', '.join(sorted(anew))}" if anew else "harmless: the same tables"


def weights(project: Project) -> Path:
    (path,) = (project.folder / "resources" / "weights").glob("*.safetensors")
    return path


def other_weights(project: Project) -> Path:
    """Those of another backbone, fetched as the project's are."""
    path = project.folder / "other.safetensors"
    if not path.exists():
        name = "vit_tiny_patch16_384.augreg_in21k_ft_in1k"
        torch.save(create_vit(name).state_dict(), project.folder / "other.pth")
        fetch_weights(WeightsSettings(name, "file", str(project.folder / "other.pth")), path)
    return path


def block(project: Project) -> Path:
    return artefact(project, "blocks", "block.pt")


def killed_training(project: Project) -> None:
    """Leave a training that was killed after a checkpoint, the same one each time."""
    kept = project.folder / "kept.pt"
    if not kept.exists():
        forget(project, "blocks")
        project.run_and_kill("train_block", float("inf"))
        (checkpoint,) = project.folder.glob("results/blocks/*/checkpoint.pt")
        shutil.copy(checkpoint, kept)
        (project.folder / "folder.txt").write_text(str(checkpoint.parent))
    folder = Path((project.folder / "folder.txt").read_text())
    for name in ("block.pt", "record.json", "checkpoint.pt"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "videos", ignore_errors=True)
    shutil.copy(kept, folder / "checkpoint.pt")


def checkpoint(project: Project) -> Path:
    return Path((project.folder / "folder.txt").read_text()) / "checkpoint.pt"


def in_results(*parts: str) -> Callable[[Project], Path]:
    return lambda project: project.folder.joinpath("results", *parts)


def record_of_tracks(project: Project) -> Path:
    own = artefact(project, "tracks", "clip-0.h5").parent.name
    return project.folder / "results" / DATASET / "records" / "tracks" / own / "0000.json"


def stamp_of_tracks(project: Project) -> Path:
    return record_of_tracks(project).parent / "videos" / "clip-2.json"


def nothing(project: Project) -> None:
    pass


FILE = ("cut to half", "a flipped bit", "a page of zeros")
ANY = (*FILE, "that of another video")


# Something is killed


def killed(program: str, whom: str, *gone: str) -> Group:
    """Kill a job, or Snakemake, while a program writes; and run again."""
    row = f"{'a job of' if whom == 'job' else 'Snakemake during'} `{program}`"

    def happen(project: Project, finished: Project) -> dict[str, str]:
        usual = finished.usual_seconds(program)
        delete(project, *gone)
        said = project.run_and_kill(program, usual, whom)
        if whom == "job":
            assert "Traceback" not in said, said[-3000:]
        well, text = attempt(project)
        assert well, text[-3000:]
        ends_well(project, finished)
        return {row: "the next run goes on: the same tables"}

    return Group((row,), happen)


def delete(project: Project, *stages: str) -> None:
    """Delete what stages have made, with their records."""
    results = project.folder / "results"
    for stage in stages:
        for folder in (results / stage, results / DATASET / stage,
                       results / DATASET / "records" / stage):  # fmt: skip
            shutil.rmtree(folder, ignore_errors=True)


CHAIN = ("attention", "tracks", "masks", "scores", "pictures")


# A disk is full, or closed


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[int], None]]:
    """Mount a disk of that size; what is given makes it another size."""
    folder.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "none", folder)
    try:
        yield lambda size: mount("-o", f"remount,size={size}k", folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


DISKS = {
    "frames": "own/frames",
    "features": "own/features",
    "training": "blocks",
    "attention": "own/attention",
    "tracks": "own/tracks",
    "motion": "own/motion",
    "trajectories": "own/trajectories",
    "masks": "own/masks",
    "scores": "own/scores",
    "pictures": "pictures",
    "tables": "tables",
}


def full_disks() -> Group:
    """A disk for each stage, all of them full; then the one that is complained of grows."""
    rows = {f"the disk of {stage}": stage for stage in DISKS}

    def happen(project: Project, finished: Project) -> dict[str, str]:
        results, outcome = project.folder / "results", {}
        shutil.rmtree(results)
        with ExitStack() as stack:
            grow = {
                stage: stack.enter_context(small_disk(results / place, 16))
                for stage, place in DISKS.items()
            }
            for _ in range(len(DISKS) + 1):
                well, text = attempt(project)
                if well:
                    break
                assert "Traceback" not in text and "core dumped" not in text, text[-4000:]
                stopped = re.findall(r"There is no room for results/(\S+) .*", text)
                assert stopped, text[-4000:]
                for stage, place in DISKS.items():
                    if any(path.startswith(f"{place}/") for path in stopped):
                        message = re.search(rf"There is no room for results/{place}/.*", text)[0]
                        # Whichever video was first, and which of its pictures was too large.
                        message = re.sub(r"clip-\d+", "clip-…", for_the_page(message, project))
                        message = re.sub(r"(?<=clip-…/)(overlay\.mp4|sheet\.png)", "…", message)
                        outcome[f"the disk of {stage}"] = f"stops: {message}"
                        grow[stage](65536)
            assert well
            ends_well(project, finished)
        assert set(outcome) == set(rows), set(rows) - set(outcome)
        return outcome

    return Group(tuple(rows), happen)


def closed(row: str, close: Callable[[Path], None], reopen: Callable[[Path], None]) -> Group:
    """Results that cannot be written, and something to do."""

    def happen(project: Project, finished: Project) -> dict[str, str]:
        results = project.folder / "results"
        forget(project, "scores")
        close(results)
        try:
            well, text = attempt(project)
            assert not well
            message = for_the_page(told(text), project)
        finally:
            reopen(results)
        well, text = attempt(project)
        assert well, text[-3000:]
        ends_well(project, finished)
        return {row: f"stops: {message}"}

    return Group((row,), happen)


def read_only(results: Path) -> None:
    mount("--bind", results, results)
    mount("-o", "remount,bind,ro", results)


def unmount(results: Path) -> None:
    subprocess.run(["umount", "--lazy", results], check=True)


# Two at once, and other videos and places


def two_runs() -> Group:
    row = "a second run while one goes on"

    def happen(project: Project, finished: Project) -> dict[str, str]:
        delete(project, "features")
        first = subprocess.Popen(
            project.command(), cwd=project.folder, env=project.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            until = time.monotonic() + 300
            while not project.works("cache_features"):
                assert first.poll() is None and time.monotonic() < until
                time.sleep(0.02)
            well, text = attempt(project)
            assert not well and first.poll() is None
            message = for_the_page(told(text), project)
            said = first.communicate()[0]
        finally:
            first.kill()
        assert first.returncode == 0, said[-3000:]
        ends_well(project, finished)
        return {row: f"stops: {message}"}

    return Group((row,), happen)


def other_videos() -> Group:
    rows = ("removed", "replaced by another one", "renamed", "its files touched")
    rows = tuple(f"a video is {row}" if row[0] == "r" else row for row in rows)

    def happen(project: Project, finished: Project) -> dict[str, str]:
        outcome, data = {}, project.folder / "data"
        before = scores(project)
        for kind in ("videos", "truth"):
            (data / kind / "clip-6").rename(project.folder / f"clip-6-{kind}")
        well, text = attempt(project)
        assert well and not computed(text), text[-3000:]
        assert scores(project) == {one: before[one] for one in before if one != "clip-6"}
        outcome[rows[0]] = "nothing is computed; it has left the tables, all others are the same"
        for kind in ("videos", "truth"):
            shutil.rmtree(data / kind / "clip-5")
            shutil.move(project.folder / f"clip-6-{kind}", data / kind / "clip-5")
        well, text = attempt(project)
        counts = computed(text)
        assert well and counts and set(counts.values()) == {1}, (counts, text[-3000:])
        assert scores(project)["clip-5"] == before["clip-6"]
        outcome[rows[1]] = "it alone is computed, with the figures of that one"
        for kind in ("videos", "truth"):
            (data / kind / "clip-5").rename(data / kind / "clip-9")
        well, text = attempt(project)
        counts = computed(text)
        assert well and set(counts.values()) == {1}, (counts, text[-3000:])
        assert scores(project)["clip-9"] == before["clip-6"]
        outcome[rows[2]] = "it alone is computed, with the figures that it had"
        for path in data.rglob("*"):
            path.touch()
        well, text = attempt(project)
        assert well and not computed(text), text[-3000:]
        outcome[rows[3]] = "nothing is computed"
        return outcome

    return Group(rows, happen)


def scores(project: Project) -> dict[str, list[str]]:
    """The lines of the table of each video, without its name; no figures over several."""
    path = project.folder / "results" / "tables" / "measurements.csv"
    with path.open(newline="") as file:
        found: dict[str, list[str]] = {}
        for row in csv.DictReader(file):
            video = row.pop("video")
            found.setdefault(video, []).append(str(row))
    return found


def other_places() -> Group:
    rows = ("the project's folder is moved", "it is copied, all its files newly written")

    def happen(project: Project, finished: Project) -> dict[str, str]:
        outcome = {}
        moved = project.folder.rename(project.folder.with_name("moved"))
        project.folder = moved
        well, text = attempt(project)
        assert well and not computed(text), text[-3000:]
        ends_well(project, finished)
        outcome[rows[0]] = "nothing is computed: the same tables"
        project.folder = moved.with_name("project")
        subprocess.run(["cp", "--recursive", moved, project.folder], check=True)
        shutil.rmtree(moved)
        well, text = attempt(project)
        assert well and not computed(text), text[-3000:]
        ends_well(project, finished)
        outcome[rows[1]] = "nothing is computed: the same tables"
        return outcome

    return Group(rows, happen)


PROGRAMS = {
    "extract_frames": ("frames",),
    "cache_features": ("features",),
    "train_block": ("blocks",),
    "export_attention": ("attention",),
    "cluster_tracks": ("tracks",),
    "measure_motion": ("motion", "trajectories"),
    "select_objects": ("masks",),
    "score_video": ("scores",),
    "draw_pictures": ("pictures",),
    "collect_tables": ("tables",),
}

#: The sections of the page, and the groups of each.
SECTIONS: dict[str, dict[str, Group]] = {
    "A file is damaged": {
        "frames": damaged("frames.json", "frames", "{}/frames.json", "features", ANY),
        "features": damaged("features", "features", "{}.h5", "attention"),
        "attention": damaged("attention", "attention", "{}.h5", "tracks"),
        "tracks": damaged("tracks", "tracks", "{}.h5", "masks"),
        "motion": damaged("motion", "motion", "{}.h5", "masks"),
        "trajectories": damaged("trajectories", "trajectories", "{}.h5", "masks"),
        "masks": damaged("a mask", "masks", "{}/proposals/00002.png", "scores", ANY),
        "objects": damaged("objects.csv", "masks", "{}/objects.csv", "scores", ANY),
        "weights": one_by_one("the weights", weights, lambda one: forget(one, "features"),
                              (*FILE, "a pickle that executes")),
        "other weights": one_by_one("the weights", weights, lambda one: forget(one, "features"),
                                    ("that of another setting",), other_weights),
        "block": one_by_one("the block", block, lambda one: forget(one, "attention"),
                            (*FILE, "that of another setting", "a pickle that executes"),
                            lambda one: artefact(one, "blocks", "block.pt", other=True)),
        "checkpoint": one_by_one("a checkpoint of a killed training", checkpoint, killed_training,
                                 (*FILE, "a pickle that executes")),
        "scores": one_by_one("scores", lambda one: artefact(one, "scores", "clip-0.csv"),
                             lambda one: in_results("tables", "summary.csv")(one).unlink(), FILE),
        "manifest": one_by_one("the list of videos", in_results(DATASET, "videos.csv"), nothing,
                               FILE),
        "listing": one_by_one("listing.json", in_results(DATASET, "listing.json"), nothing, FILE),
        "record": one_by_one("a record", record_of_tracks, nothing, FILE),
        "stamp": one_by_one("a stamp", stamp_of_tracks, lambda one: forget(one, "masks"), FILE),
    },
    "Something is killed": {
        **{f"job {name}": killed(name, "job", *gone) for name, gone in PROGRAMS.items()},
        **{f"main {name}": killed(name, "main", *PROGRAMS[name])
           for name in ("cache_features", "train_block", "cluster_tracks", "select_objects")},
    },
    "A disk is full, or closed": {
        "full": full_disks(),
        "read only": closed("results on a disk that is read only", read_only, unmount),
    },
    "Two at once, other videos, other places": {
        "two": two_runs(),
        "videos": other_videos(),
        "places": other_places(),
    },
}  # fmt: skip
GROUPS = {name: group for groups in SECTIONS.values() for name, group in groups.items()}
