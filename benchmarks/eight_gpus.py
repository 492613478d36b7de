"""Run the workflow on a machine with eight GPUs that are not there, and see how busy they are.

Snakemake, the rules, the batches, the records and the leases of GPUs are the project's own. In
place of each program stands one that leases a GPU of eight that a made nvidia-smi lists, sleeps as
long as the program would take, and writes the record. What is measured is thus the order in which
jobs are handed out, and what Snakemake takes between them on this machine; what jobs take is put
in:

    start       from the lease until the first video: torch, a CUDA context, the model
    rates       seconds a video, from measurements on one H100 (docs/gpu.md), or reckoned from them
    lengths     frames of each video: those of DAVIS-2017's val list, or drawn

With `--speed 0.25` all sleep four times as long, so that what a machine of few cores takes to start
eight programs at a time counts a quarter. A GPU is busy while a job holds it. Its share is counted
from the first lease to the end of the last one; what comes before and after (frames, masks) needs
no GPU.

    python benchmarks/eight_gpus.py --videos davis --output found/davis
    python benchmarks/eight_gpus.py --videos youtube-vis --output found/youtube-vis
    python benchmarks/eight_gpus.py --draw found/* --output docs/eight-gpus.svg
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import yaml
from safetensors.numpy import save_file
from tiny_project import ROOT, copy_project, snakemake

GPUS = 8
#: Frames of the 30 sequences of DAVIS-2017's val list, 1,999 in all.
DAVIS_VAL = {
    "bike-packing": 69, "blackswan": 50, "bmx-trees": 80, "breakdance": 84, "camel": 90,
    "car-roundabout": 75, "car-shadow": 40, "cows": 104, "dance-twirl": 90, "dog": 60,
    "dogs-jump": 66, "drift-chicane": 52, "drift-straight": 50, "goat": 90, "gold-fish": 78,
    "horsejump-high": 50, "india": 81, "judo": 34, "kite-surf": 50, "lab-coat": 47, "libby": 49,
    "loading": 50, "mbike-trick": 79, "motocross-jump": 40, "paragliding-launch": 80,
    "parkour": 100, "pigs": 79, "scooter-black": 43, "shooting": 40, "soapbox": 99,
}  # fmt: skip
#: DAVIS-2017's train list: 60 sequences of 70 frames on average, the lengths drawn around that.
DAVIS_TRAIN = 60, (40, 100)
#: YouTube-VIS-2019: all of it, 27.5 frames on average, drawn evenly between these.
YOUTUBE_VIS = 2883, (19, 36)


@dataclass(frozen=True)
class Costs:
    """Seconds of a stage: to start with, and for each frame.

    ``basis`` is where they come from.
    """

    start: float
    frame: float
    basis: str


#: At 322×560 (920 tokens a frame) and, of the fine features, at 476×840.
STAGES = {
    "extract_frames": Costs(0.5, 0.002, "images that are used where they lie: an assumption"),
    "cache_features": Costs(6.0, 1 / 611, "an H100: 611 frames a second"),
    "fine cache_features": Costs(6.0, 1 / 301, "an H100: 301 frames a second"),
    "train_block": Costs(8.0, 0.0, "an H100: 4.1 ms a step of a clip, 240 steps"),
    "export_attention": Costs(6.0, 1 / 350, "reckoned: 1.4 MB a frame at 0.5 GB a second"),
    "cluster_tracks": Costs(6.0, 0.0217, "reckoned from 3.4 s for 60 frames of 2,400 tokens"),
    "measure_motion": Costs(1.0, 0.11, "the demo on two busy cores"),
    "select_objects": Costs(1.0, 0.22, "the demo on two busy cores"),
    "draw_training": Costs(5.0, 0.0, "the demo on two busy cores"),
}
TRAINING = 240 * 0.0041
ON_GPUS = ("cache_features", "train_block", "export_attention", "cluster_tracks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--videos", choices=("davis", "youtube-vis"))
    parser.add_argument("--count", type=int, help="so many of the videos; default all")
    parser.add_argument("--speed", type=float, default=1.0, help="times as fast; default 1")
    parser.add_argument("--cores", default="128", help="that the machine has; default 128")
    parser.add_argument("--draw", nargs="+", type=Path, help="draw what was found in these folders")
    parser.add_argument("--output", type=Path, required=True, help="folder, or SVG of the drawing")
    parser.add_argument("--options", nargs="*", default=[], help="more options of snakemake")
    arguments = parser.parse_args()
    if arguments.draw:
        draw(arguments.draw, arguments.output)
        return
    found = measure(arguments)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "found.json").write_text(json.dumps(found, indent=1) + "\n")
    print(report(found))


# The run


def measure(arguments: argparse.Namespace) -> dict:
    """Run the workflow; what each job had from when to when, and the shares of the whole."""
    with tempfile.TemporaryDirectory(prefix="eight-gpus-") as name:
        folder = Path(name)
        lengths, training = choose(arguments.videos, arguments.count)
        prepare(folder, lengths, training, arguments.speed)
        command = snakemake(arguments.cores, "--resources", f"gpu={GPUS}", *arguments.options)
        began = time.time()
        with (folder / "said.txt").open("w") as said:
            done = subprocess.run(
                [*command, "--configfile", "settings.yaml", "--", "chain"],
                cwd=folder,
                env=environment(folder),
                stdout=said,
                stderr=said,
            )
        if done.returncode:
            sys.exit((folder / "said.txt").read_text()[-4000:])
        jobs = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
        took = time.time() - began
    for job in jobs:
        for moment in ("leased", "working", "ended"):
            job[moment] = round(job[moment] - began, 3)
    return {
        "videos": arguments.videos,
        "count": len(lengths),
        "frames": sum(lengths.values()),
        "speed": arguments.speed,
        "seconds": round(took, 1),
        **shares(jobs),
        "costs": {stage: asdict(costs) for stage, costs in STAGES.items()},
        "jobs": sorted(jobs, key=lambda job: job["leased"]),
    }


def choose(videos: str, count: int | None) -> tuple[dict[str, int], dict[str, int]]:
    """The lengths of the videos that are segmented, and of those that are trained on, by name."""
    drawn = random.Random(0)
    if videos == "davis":
        many, (least, most) = DAVIS_TRAIN
        training = {f"train-{n:02d}": drawn.randint(least, most) for n in range(many)}
        return dict(list(DAVIS_VAL.items())[:count]), training
    many, (least, most) = YOUTUBE_VIS
    names = sorted(f"{drawn.getrandbits(40):010x}" for _ in range(many))[:count]
    return {name: drawn.randint(least, most) for name in names}, {}


def prepare(folder: Path, lengths: dict[str, int], training: dict[str, int], speed: float) -> None:
    """The project with stand-ins for its programs, an image a video, and eight GPUs."""
    copy_project(folder)
    for stage in STAGES:
        if " " not in stage:
            (folder / "scripts" / f"{stage}.py").write_text(STAND_IN)
    with (folder / "Snakefile").open("a") as file:
        file.write("\n\nrule chain:\n    input:\n        lambda wildcards: all_records(),\n")
    from PIL import Image

    image = folder / "image.png"
    Image.new("RGB", (8, 8)).save(image)
    sets = {"val": lengths, "train": training}
    for name, videos in sets.items():
        for number, video in enumerate(videos):
            place = folder / "data" / name / video / "0.png"
            place.parent.mkdir(parents=True)
            shutil.copy(image, place)
            with place.open("ab") as file:  # as long as its frames would be, in the same proportion
                file.write(number.to_bytes(8, "big") + bytes(100 * videos[video]))
    smi = folder / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    lines = "".join(f"echo 'GPU {n}: Stand-in (UUID: GPU-{n})'\n" for n in range(GPUS))
    smi.write_text(f"#!/bin/sh\n{lines}")
    smi.chmod(0o755)
    costs = {stage: [costs.start, costs.frame] for stage, costs in STAGES.items()}
    (folder / "costs.json").write_text(
        json.dumps({"lengths": {**lengths, **training}, "costs": costs, "speed": speed,
                    "training": TRAINING})
    )  # fmt: skip
    dataset = {"layout": "folder", "root_variable": None, "annotations": None, "instances": None,
               "annotation_kind": "ids", "protocols": None, "split": None, "videos": [],
               "make": None}  # fmt: skip
    weights = "vit_small_patch14_dinov2.lvd142m"
    save_file({"stands for weights": np.zeros(1)}, folder / "weights.safetensors")
    settings = {
        "evaluate": ["val"],
        "datasets": {name: {**dataset, "root": f"data/{name}"} for name in sets if sets[name]},
        "weights": {"source": "file", "path": "weights.safetensors"},
        "features": {"backbone": weights, "height": 322, "width": 560},
        "refinement": {"height": 476, "width": 840},
        "training": {"dataset": "train" if training else "val", "height": 322, "width": 560,
                     "videos": [] if training else ["0*"], "steps": 240},
        "pictures": {"draw": False},
    }  # fmt: skip
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    (folder / "scripts" / "fetch_weights.py").write_text(FETCHED)


def environment(folder: Path) -> dict[str, str]:
    read = ("CUDA_VISIBLE_DEVICES", "BETRAYED_LEASED_DEVICES")
    own = {name: value for name, value in os.environ.items() if name not in read}
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), own["PATH"]])
    return {**own, "PATH": path, "STAND_IN": str(folder), "OMP_NUM_THREADS": "1"}


FETCHED = """\
import sys
from pathlib import Path
output = Path(sys.argv[sys.argv.index("--output") + 1])
output.parent.mkdir(parents=True, exist_ok=True)
output.write_bytes(b"stands for weights")
"""
STAND_IN = '''\
"""Stands for the program of this name: leases, sleeps as long as that takes, writes the record."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from betrayed.datasets.manifest import read_manifest
from betrayed.engine import leasing
from betrayed.engine.batches import Batch
from betrayed.engine.records import Made, Record

stage, folder = Path(__file__).stem, Path(os.environ["STAND_IN"])
given = json.loads((folder / "costs.json").read_text())
parser = argparse.ArgumentParser()
for name in ("frames", "features", "attention", "tracks", "fine-features", "motion"):
    parser.add_argument(f"--{name}", nargs="+")
for name in ("manifest", "batch", "record", "output", "output-folder", "settings", "block",
             "curves", "clusters", "picture"):
    parser.add_argument(f"--{name}")
parser.add_argument("--gpus", type=int, default=0)
arguments, _ = parser.parse_known_args()
settings = json.loads(arguments.settings or "{}")
fine = stage == "cache_features" and settings["height"] > 322
start, frame = given["costs"][f"fine {stage}" if fine else stage]


def sleep(until):
    time.sleep(max(0, until - time.time()))


def begin():
    """Lease a GPU, as the program does before it imports torch, and start."""
    leasing.FOLDER = folder / "leases"
    if arguments.gpus:
        leasing.lease_gpus("cuda", arguments.gpus)
    now["leased"] = time.time()
    now["working"] = now["leased"] + start / given["speed"]
    sleep(now["working"])
    return work


def work(task):
    """Of a video; moments follow from one another, so that no error of sleeping adds up."""
    now["done"] = now.get("done", now["working"]) + (
        given["lengths"][task.video] * frame / processes / given["speed"]
    )
    sleep(now["done"])
    task.output.parent.mkdir(parents=True, exist_ok=True)
    task.output.touch()


now = {}
processes = 1 if arguments.gpus else 4
inputs = {
    name: values[0]
    for name in ("frames", "features", "attention", "tracks", "motion")
    if (values := getattr(arguments, name)) and stage != "train_block"
}
videos = 1
if stage == "draw_training":
    for path in (arguments.curves, arguments.clusters, arguments.picture):
        Path(path).touch()
    begin()
elif stage == "train_block":
    begin()
    sleep(now["working"] + given["training"] / given["speed"])
    output = Path(arguments.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.touch()
    Record(stage, {"block": Made(str(output), 0, "key")}).write(arguments.record)
else:
    sources = None
    if stage == "extract_frames":
        rows = read_manifest(arguments.manifest)
        sources = {row["video"]: row["name"] for row in rows if row["batch"] == arguments.batch}
    suffix = {"extract_frames": "frames.json", "select_objects": "objects.csv"}.get(stage)
    place = (lambda video: f"{video}/{suffix}") if suffix else (lambda video: f"{video}.h5")
    batch = Batch(
        stage,
        arguments.record,
        lambda video: (Path(arguments.output_folder, place(video)),),
        inputs=inputs,
        sources=sources,
    )
    videos = len(batch.videos)
    batch.run(begin)
devices = os.environ["CUDA_VISIBLE_DEVICES"].split(",") if arguments.gpus else []
line = {"stage": stage, "fine": fine, "videos": videos, "ended": time.time(),
        "leased": now["leased"], "working": now["working"], "devices": devices}
log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(log, (json.dumps(line) + "\\n").encode())
'''


# What was found


def shares(jobs: Sequence[dict]) -> dict[str, float]:
    """How busy the GPUs were: shares of all their time between the first lease and the last end.

    ``busy`` while a job holds a GPU, ``computing`` without what it takes to start.
    """
    leases = [job for job in jobs if job["devices"]]
    began = min(job["leased"] for job in leases)
    ended = max(job["ended"] for job in leases)
    whole = GPUS * (ended - began)
    held = sum(len(job["devices"]) * (job["ended"] - job["leased"]) for job in leases)
    computing = sum(len(job["devices"]) * (job["ended"] - job["working"]) for job in leases)
    return {
        "window": round(ended - began, 1),
        "busy": round(held / whole, 4),
        "computing": round(computing / whole, 4),
    }


def report(found: dict) -> str:
    """What was found, in lines."""
    leases = [job for job in found["jobs"] if job["devices"]]
    lines = [
        f"{found['count']} videos, {found['frames']} frames, {len(leases)} jobs on {GPUS} GPUs",
        f"GPUs held {found['busy']:.3f} of {found['window']} s, computing {found['computing']:.3f}",
        f"the whole run {found['seconds']} s",
    ]
    for stage in ON_GPUS:
        own = [job for job in leases if job["stage"] == stage]
        if own:
            first, last = min(job["leased"] for job in own), max(job["ended"] for job in own)
            lines.append(f"{stage}: {len(own)} jobs from {first:.1f} to {last:.1f} s")
    return "\n".join(lines)


def draw(folders: Sequence[Path], output: Path) -> None:
    """GPUs in use over time, by stage, a panel for each run."""
    import numpy as np

    sys.path.insert(0, str(ROOT / "scripts"))
    from betrayed.io.style import LINES, drawing, save

    titles = {"davis": "DAVIS-2017 val", "youtube-vis": "YouTube-VIS-2019"}
    with drawing(7.2, 2.3 * len(folders)) as figure:
        for axes, folder in zip(figure.subplots(len(folders), 1, squeeze=False)[:, 0], folders,
                                strict=True):  # fmt: skip
            found = json.loads((folder / "found.json").read_text())
            leases = [job for job in found["jobs"] if job["devices"]]
            edges = np.array(sorted({job[one] for job in leases for one in ("leased", "ended")}))
            counts = np.zeros((len(ON_GPUS), len(edges)))
            for job in leases:
                held = (edges >= job["leased"]) & (edges < job["ended"])
                counts[ON_GPUS.index(job["stage"]), held] += len(job["devices"])
            edges = edges * found["speed"]
            axes.stackplot(edges, counts, step="post", labels=ON_GPUS, colors=LINES, linewidth=0)
            axes.set(ylim=(0, GPUS + 0.2), xlim=(0, edges[-1]), ylabel="GPUs held")
            name = titles[found["videos"]]
            axes.set_title(
                f"{name}: {found['count']:,} videos, {found['frames']:,} frames; "
                f"GPUs held {100 * found['busy']:.0f}% of the time"
            )
        axes.set_xlabel("seconds since the start, as the jobs would take them")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        save(figure, output)


if __name__ == "__main__":
    main()
