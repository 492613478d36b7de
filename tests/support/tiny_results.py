"""Results of a few tiny videos, as the stages leave them, and the tables of them."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from PIL import Image

from betrayed.engine.records import Failure, Made, Record
from betrayed.io.artefacts import create
from betrayed.io.palette import read_ids, save_palette_png
from betrayed.objects.mask_writing import write_masks
from betrayed.reporting.measurements import ALL
from betrayed.reporting.report.sources import STAGES, Result, RunSource, Sources
from betrayed.reporting.sweeps import write_sweep
from betrayed.reporting.tables import PUBLISHED, write_tables
from betrayed.reporting.training_clusters import TrainingClusters
from support.tiny_scene import BALL, picture, rolling, scene, tracks_file

SIZE = (48, 80)
GRID = (12, 20)
FRAMES = 6
KEY_FRAMES = [0, 3]


def add_instances(frames: str | Path) -> list[Path]:
    """Give a tiny video single objects: the right half of number 2 is number 3. Merged they are 1.

    Returns:
        The files of the instances.
    """
    record = json.loads(Path(frames).read_text())
    instances = []
    for name in record["annotations"]:
        path = Path(name)
        ids = read_ids(path)
        middle = int(ids.any(axis=0).nonzero()[0].mean())
        ids[:, middle:][ids[:, middle:] > 0] = 3
        instances.append(path.with_name(f"single-{path.name}"))
        save_palette_png(instances[-1], ids)
    record |= {"annotation_kind": "foreground", "instances": [str(path) for path in instances]}
    Path(frames).write_text(json.dumps(record))
    return instances


def tiny_video(folder: Path, truth: bool = True, count: int = FRAMES) -> dict[str, str]:
    """A rolling ball whose stages have all run; the paths of what they left.

    Without ``truth`` it has no annotations. The truth's object is the ball, as number 2: the found
    one is number 1.
    """
    labels = scene(count)
    frames = folder / "frames"
    frames.mkdir(parents=True)
    names, annotations = [], []
    for index, own in enumerate(labels):
        Image.fromarray(picture(own, SIZE, index)).save(frames / f"{index:05d}.jpg", quality=90)
        names.append(f"{index:05d}.jpg")
        ids = np.where(own == BALL, 2, 0).astype(np.uint8).repeat(4, 0).repeat(4, 1)
        path = frames / f"truth{index}.png"
        save_palette_png(path, ids)
        annotations.append(str(path))
    record = {"video": "toy", "count": count, "height": SIZE[0], "width": SIZE[1], "fps": 12.5001}
    record |= {"source": "toy.mp4", "frames": names, "instances": None, "annotation_kind": "ids"}
    record |= {"annotations": annotations if truth else None}
    record |= {"annotated_frames": count if truth else 0, "objects": 1 if truth else None}
    (frames / "frames.json").write_text(json.dumps(record))
    write_masks(folder / "masks", labels, rolling(labels), SIZE)
    with h5py.File(tracks_file(folder / "tracks.h5", labels, SIZE), "a") as file:
        file["key_frames"] = np.array([frame for frame in KEY_FRAMES if frame < count])
    features_file(folder / "features.h5", labels)
    attention_file(folder / "attention.h5", labels)
    paths = {"frames": frames / "frames.json", "objects": folder / "masks" / "objects.csv"}
    paths |= {name: folder / f"{name}.h5" for name in ("tracks", "features", "attention")}
    return {name: str(path) for name, path in paths.items()}


def features_file(path: Path, labels: np.ndarray) -> None:
    """Features whose class token looks at the ball."""
    with create(path, "features", {"video": "toy"}) as file:
        look = np.where(labels == BALL, 0.01, 0.001).reshape(len(labels), -1)
        file["class_attention"] = look.astype(np.float16)
        file.attrs["grid"] = GRID


def attention_file(path: Path, labels: np.ndarray) -> None:
    """Attention of one head: tokens of the ball look at the ball, all others everywhere."""
    with create(path, "attention", {"video": "toy"}) as file:
        ball = (labels == BALL).reshape(len(labels), 1, -1, 1).astype(np.float16)
        file["queries"], file["keys"] = 4 * ball, 4 * ball
        file.attrs.update(grid=GRID, count=len(labels), frame_size=SIZE)


def score_text(j: float, frames: int = FRAMES) -> str:
    """A score file in which J falls by an eighth a frame, and the whole is plain."""
    rows = ["protocol,object,frame,metric,value"]
    for t in range(frames):
        falling = (5 - t % 6) / 8 + j / 4
        rows += [f"davis2016,,{t},J,{falling:.3f}", f"davis2017-sequence,2,{t},J,{j:.3f}"]
    rows += [f"davis2016,,,J_mean,{j}", f"davis2016,,,F_mean,{j / 2}"]
    rows += [f"davis2017-sequence,2,,J_mean,{j}", f"davis2017-sequence,2,,F_mean,{j}"]
    rows += [f"davis2017-sequence,,,{name},{j}" for name in ("J_mean", "F_mean", "J&F")]
    return "\n".join(rows) + "\n"


def tiny_results(
    folder: Path,
    names: list[str],
    runs: tuple[str, ...] = ("default",),
    truth: bool = True,
    count: int = FRAMES,
) -> tuple[Sources, Path]:
    """The sources of a report, and the folder of the tables.

    Args:
        folder: where everything is written, once; all videos and runs share one tiny video, which
            is called by each name.
        names: of the videos. The J of the i-th is (i + 1) / (number + 1), a tenth less a run.
        runs: names of the runs.
        truth: whether there is ground truth.
        count: frames of the video.
    """
    paths = tiny_video(folder / "video", truth, count)
    record = json.loads(Path(paths["frames"]).read_text())
    frames = {}
    for index, name in enumerate(names):
        frames[name] = str(Path(paths["frames"]).with_name(f"frames{index}.json"))
        Path(frames[name]).write_text(json.dumps(record | {"name": name}))
    training = folder / "training.csv"
    steps = "".join(f"{step},{1 / step},{2 / step},3.5\n" for step in range(1, 41))
    training.write_text(f"step,semantic,motion,entropy\n{steps}")
    sources = Sources(
        [RunSource(run, f"{run}-tau0.05-abcdef", "block-1", str(training)) for run in runs],
        [
            Result(run, "toys", name, **paths | {"frames": frames[name]})
            for run in runs
            for name in names
        ],
    )
    scores = []
    for place, run in enumerate(runs):
        for index, name in enumerate(names if truth else []):
            path = folder / "scores" / run / f"{index}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(score_text((index + 1) / (len(names) + 1) * (1 - place / 10), count))
            keys = {"run": run, "dataset": "toys", "benchmark": None, "video": name}
            scores.append(keys | {"path": str(path)})
    settings = {run: {"seed": place, "clustering.tau": 0.05} for place, run in enumerate(runs)}
    write_tables(folder / "tables", scores, settings, PUBLISHED)
    benchmarks = folder / "benchmarks" / "cluster_tracks" / "toys"
    benchmarks.mkdir(parents=True)
    (benchmarks / "a.tsv").write_text("s\tmax_rss\n2.5\t120\n")
    return sources, folder / "tables"


def tiny_clusters(folder: Path, frames: str) -> str:
    """Clusters of two frames at three steps: one, then the ball and the rest, then three."""
    ball = scene(FRAMES)[[1, 4]] == BALL
    halves = np.zeros_like(ball, int)
    halves[..., GRID[1] // 2 :] = 1
    labels = np.stack([np.zeros_like(halves), ball.astype(int), np.where(ball, 2, halves)])
    TrainingClusters(frames, [1, 4], [0, 10, 40], labels, 0.05).write(folder / "clusters.h5", {})
    return str(folder / "clusters.h5")


def tiny_sweep(folder: Path, tau: tuple[float, ...] = (0.02, 0.1), seeds: int = 3) -> str:
    """The table of a sweep over tau and seeds, whose J falls with tau and rises with the seed."""
    runs = [
        {"run": f"tau={one},seed={seed}", "base": "default",
         "swept": {"clustering.tau": one, "seed": seed}}
        for one in tau
        for seed in range(seeds)
    ]  # fmt: skip
    keys = {"dataset": "toys", "video": ALL, "protocol": "davis2016", "metric": "J_mean"}
    summary = pd.DataFrame(
        [
            keys | {"run": run["run"], "value": 0.8 - tau_ + seed / 100}
            for run in runs
            for tau_, seed in [run["swept"].values()]
        ]
    )
    write_sweep(folder, summary, runs)
    return str(folder / "sweep.parquet")


def report_list(
    folder: Path, videos: dict[str, dict[str, str]], failed: dict[str, str] | None = None
) -> dict:
    """The list of results that the workflow writes, of one run and batch, and its records.

    Args:
        folder: where records are written.
        videos: the artefact of each stage, by the video's name.
        failed: the stage that left a video out, by its name; those before made something of it.
    """
    batch = {"run": "default", "dataset": "toys"}
    for place, stage in enumerate(STAGES):
        made = {video: Made(paths[stage], 0, "key") for video, paths in videos.items()}
        failures = {}
        for video, at in (failed or {}).items():
            if place < STAGES.index(at):
                made[video] = Made(f"{video}-{stage}", 0, "key")
            else:
                failures[video] = Failure(at, "It is damaged.")
        batch[stage] = str(folder / f"{stage}.json")
        Record(stage, made, failures).write(batch[stage])
    run = {"name": "default", "run_id": "default-1", "block": "block-1", "training": None}
    return {"runs": [run], "batches": [batch]}
