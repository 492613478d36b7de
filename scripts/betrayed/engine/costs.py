"""What each stage takes: seconds, memory and disk, as sums of terms of known size.

A cost is Σ coefficient · term. Terms follow from what a stage does, here, and from facts: columns
that its program writes beside what it took (:func:`betrayed.engine.usage.note`), or what
:mod:`betrayed.engine.planning` expects of a job to come. Coefficients are fitted by
``benchmarks/costs.py`` and lie in ``coefficients.json``. Nothing that computes imports this module,
so that neither a form nor a coefficient reruns a job.

In the names of terms m… counts millions and g… thousands of millions. The term ``known`` is what
can be counted; its coefficient is 1. Terms of products are divided by the threads that share them.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

Facts = Mapping[str, float]
Terms = dict[str, float]

COEFFICIENTS = Path(__file__).with_name("coefficients.json")
KNOWN, START, LOADING = "known", "start", "loading"
MEASURES = ("seconds", "mb", "disk_mb")

# What clustering counts its memory by, in betrayed/clustering/memory.py and row_parts.py.
DIRECTIONS, PARTS, PART_CPU, PART_GPU, LEADERS = 128, 12, 2**21, 2**24, 0.02
# Passes over a window's rows that make them again where they do not fit.
PASSES = 5
#: Assumed: bytes of memory for a byte of JSON with run lengths.
JSON_GROWTH = 8

#: Assumed: megabytes of weights that come over a network in a second.
FETCHED_MB = 20

# A GPU is reckoned where none has been measured: an A100's dense rates by its data sheet, of which
# 0.4 is assumed to be reached. The backbone computes in half precision, all else in float32.
HALF_FLOPS, SINGLE_FLOPS = 0.4 * 312e12, 0.4 * 19.5e12
GPU_FLOPS = {
    "cache_features": HALF_FLOPS,
    "train_block": SINGLE_FLOPS,
    "export_attention": SINGLE_FLOPS,
    "cluster_tracks": SINGLE_FLOPS,
}
GPU_HOST_MB = 3000  # assumed: what CUDA's libraries take of the host
GPU_CONTEXT_MB = 600  # assumed: what they take of the GPU
WRITTEN_MB = 500  # assumed: megabytes that a disk takes a second; a GPU waits for it

# Other machines, other videos: what a scheduler is asked for, over what is expected.
SPARE_MEMORY, LEAST_MB = 1.25, 500
SPARE_TIME, LEAST_MINUTES = 3, 10


def make_dataset(facts: Facts) -> dict[str, Terms]:
    """Draws every pixel of every frame, a clip after another."""
    drawn = facts["frames"] * facts["pixels"] / 1e6
    return {
        "seconds": {START: 1, "mpixels": drawn},
        "mb": {START: 1, "mpixels": facts["pixels"] / 1e6},
        "disk_mb": {"mpixels": drawn},
    }


def list_videos(facts: Facts) -> dict[str, Terms]:
    """Looks at each folder; a JSON file of run lengths is read as a whole."""
    return {
        "seconds": {START: 1, "videos": facts["videos"]},
        "mb": {START: 1, KNOWN: JSON_GROWTH * facts["json_mb"]},
        "disk_mb": {"videos": facts["videos"], KNOWN: facts["json_mb"]},
    }


def fetch_weights(facts: Facts) -> dict[str, Terms]:
    """Reads the weights, and holds them twice while they get their names."""
    return {
        "seconds": {START: 1, KNOWN: facts["weights_mb"] / FETCHED_MB},
        "mb": {START: 1, KNOWN: 2 * facts["weights_mb"]},
        "disk_mb": {KNOWN: facts["weights_mb"]},
    }


def extract_frames(facts: Facts) -> dict[str, Terms]:
    """Decodes each frame and annotation once; writes what comes out of a video file as JPEG."""
    read = facts["frames"] * facts["pixels"] / 1e6
    return {
        "seconds": {
            START: 1,
            "mpixels": read * (1 + facts["annotations"]),
            "mdecoded": read * facts["decoded"],
        },
        "mb": {START: 1, "mpixels": facts["pixels"] / 1e6},
        "disk_mb": {"frames": facts["frames"], "mdecoded": read * facts["decoded"]},
    }


def cache_features(facts: Facts) -> dict[str, Terms]:
    """Decodes and resizes each frame once, and runs the backbone on each of its views."""
    tokens, dim, batch = facts["tokens"], facts["dim"], facts["batch"]
    images = facts["frames"] * max(1, facts["views"])
    return {
        "seconds": {
            START: 1,
            "mresized": facts["frames"] * facts["pixels"] / 1e6,
            "gflop": images * backbone_flops(facts) / 1e9 / facts["threads"],
        },
        "mb": {
            START: 1,
            KNOWN: 4 * 12 * facts["depth"] * dim**2 / 1e6,  # the weights
            "mpixels": batch * facts["pixels"] / 1e6,  # batches that are read ahead
            "mvalues": batch * tokens * dim / 1e6,  # of a layer
        },
        "disk_mb": {KNOWN: 2 * images * (tokens * dim + dim + tokens) / 1e6},
    }


def train_block(facts: Facts) -> dict[str, Terms]:
    """Steps of some clips: linear layers, attention over a clip's tokens, and rows of its map.

    Backward passes take twice the products of the forward ones; rows are made once more there.
    """
    dim, patches = facts["dim"], facts["clip_frames"] * facts["tokens"]
    together = patches + facts["clip_frames"]  # with the class tokens
    # Rows are read for the queries, and for each query's pairs in its frame: distinct ones, as if
    # they were drawn.
    missed = max(0.0, 1 - (1 + facts["pairs"]) / facts["tokens"])
    rows = patches * (1 - missed ** facts["queries"])
    linear = 3 * (8 + 4 * facts["mlp_ratio"]) * together * dim**2 + 3 * 4 * together**2 * dim
    clips = facts["steps"] * facts["clips"] / facts["processes"]
    threads = max(1, facts["threads"] // facts["processes"])
    return {
        "seconds": {
            START: 1,
            "clips": clips,  # reading, drawing, the optimiser
            "gflop": clips * linear / 1e9 / threads,
            "gflop_rows": clips * 8 * rows * together * dim / 1e9 / threads,
        },
        "mb": {
            START: 1,
            "mvalues": together * dim / 1e6,
            "mrows": rows * patches / 1e6,
            # Scores, their softmax and what dropout keeps, of the whole map.
            KNOWN: facts["whole_map"] * 3 * 4 * facts["heads"] * together**2 / 1e6,
        },
        "disk_mb": {START: 1, KNOWN: 4 * (4 + 2 * facts["mlp_ratio"]) * dim**2 / 1e6},
    }


def export_attention(facts: Facts) -> dict[str, Terms]:
    """One linear layer over all tokens, of whose outputs queries and keys are written."""
    values = facts["tokens"] * facts["dim"]
    flops = 6 * facts["frames"] * values * facts["dim"]
    return {
        "seconds": {START: 1, "gflop": flops / 1e9 / facts["threads"]},
        "mb": {START: 1, "mvalues": facts["batch"] * values / 1e6},
        "disk_mb": {KNOWN: 2 * 2 * facts["frames"] * values / 1e6},
    }


def cluster_tracks(facts: Facts) -> dict[str, Terms]:
    """Rows and their projections, and sums over neighbours within windows.

    Rows that do not fit in the memory are made again wherever they are read, and so are the sums.
    """
    tokens, columns = facts["frames"] * facts["tokens"], facts["columns"]
    window = min(facts["window"], facts["frames"]) * facts["tokens"]
    need = clustering_mb(facts, PART_GPU if facts.get("on_gpu") else PART_CPU)
    fits = need <= facts["memory_mb"]
    products = 2 * facts["dim"] * (1 if fits else PASSES) + 8 * DIRECTIONS
    sums = 2 * window * (1 if fits else 2)
    return {
        "seconds": {
            START: 1,
            "gflop_rows": tokens * columns * products / 1e9 / facts["threads"],
            "gflop_sums": tokens * columns * sums / 1e9 / facts["threads"],
        },
        "mb": {START: 1, KNOWN: min(need, facts["memory_mb"])},
        # Labels and fragments; and a centre for each track, however many there are.
        "disk_mb": {KNOWN: 8 * tokens / 1e6, "mcolumns": columns / 1e6},
    }


def measure_motion(facts: Facts) -> dict[str, Terms]:
    """Decodes each frame, and computes flow to both neighbours at a height of its own."""
    flow = facts["height"] ** 2 * facts["aspect"]
    return {
        "seconds": {
            START: 1,
            "mpixels": facts["frames"] * facts["pixels"] / 1e6,
            "mflow": facts["frames"] * flow / 1e6,
        },
        "mb": {START: 1, "mpixels": facts["pixels"] / 1e6, "mflow": flow / 1e6},
        "disk_mb": {KNOWN: 2 * facts["frames"] * flow / facts["cell"] ** 2 / 1e6},
    }


def select_objects(facts: Facts) -> dict[str, Terms]:
    """Compares the tokens of the refinement with their neighbours; draws, and moves outlines."""
    values = facts["frames"] * facts["tokens"] * facts["dim"] / 1e6
    drawn = facts["frames"] * facts["pixels"] / 1e6
    return {
        "seconds": {
            START: 1,
            "mvalues": values,
            "mpixels": drawn,
            "medges": drawn * facts["edges"],
        },
        "mb": {START: 1, "mvalues": values, "mpixels": facts["pixels"] / 1e6},
        "disk_mb": {"frames": facts["frames"], "mpixels": drawn},
    }


def score_video(facts: Facts) -> dict[str, Terms]:
    """Reads all frames' masks and compares them by each protocol."""
    read = facts["frames"] * facts["pixels"] / 1e6
    return {
        "seconds": {START: 1, "mpixels": read * facts["protocols"]},
        "mb": {START: 1, "mpixels": read},
        "disk_mb": {START: 1},
    }


def draw_pictures(facts: Facts) -> dict[str, Terms]:
    """Reads, paints and encodes each frame; the encoder holds some frames back."""
    painted = facts["frames"] * facts["pixels"] / 1e6
    return {
        "seconds": {START: 1, "mpixels": painted},
        "mb": {START: 1, "mpixels": facts["pixels"] / 1e6},
        "disk_mb": {START: 1, "mpixels": painted},
    }


def collect_tables(facts: Facts) -> dict[str, Terms]:
    """Reads a small table for each video, and writes all of them once."""
    every = {START: 1, "videos": facts["videos"]}
    return {"seconds": every, "mb": every, "disk_mb": every}


#: The form of each stage's costs: facts → the terms of each of :data:`MEASURES`.
FORMS: dict[str, Callable[[Facts], dict[str, Terms]]] = {
    form.__name__: form
    for form in (
        make_dataset,
        list_videos,
        fetch_weights,
        extract_frames,
        cache_features,
        train_block,
        export_attention,
        cluster_tracks,
        measure_motion,
        select_objects,
        score_video,
        draw_pictures,
        collect_tables,
    )
}


def backbone_flops(facts: Facts) -> float:
    """Floating-point operations of a ViT for one image.

    A layer multiplies each token with 12 D² weights (4 in its attention, 8 in its MLP), and every
    token with every other one twice; before the first, patches of RGB become tokens.
    """
    tokens, dim = facts["tokens"] + 1, facts["dim"]
    layer = 24 * tokens * dim**2 + 4 * tokens**2 * dim
    return facts["depth"] * layer + 2 * 3 * facts["side_pixels"] * dim


def clustering_mb(facts: Facts, part: int = PART_CPU) -> float:
    """Megabytes that clustering takes if nothing limits it.

    As :class:`betrayed.clustering.memory.Budget` counts, with a window's rows kept, all directions
    used, and parts of so many numbers.
    """
    tokens, columns = facts["frames"] * facts["tokens"], facts["columns"]
    window = min(facts["window"], facts["frames"]) * facts["tokens"]
    inputs = 2 * tokens * facts["dim"] + 4 * columns * facts["dim"]
    projections = 2 * 4 * tokens * (2 * DIRECTIONS + 4)
    pairs = window**2 * 6
    rows = 4 * window * columns
    centres = 2 * 4 * LEADERS * tokens * columns
    return (inputs + projections + pairs + rows + centres + PARTS * 4 * part) / 1e6


def read_coefficients(path: Path = COEFFICIENTS) -> dict[str, dict]:
    """What :func:`cost` needs: ``cpu`` and ``gpu``, each stage → measure → term → coefficient."""
    return json.loads(path.read_text(encoding="utf-8"))


def stage_terms(stage: str, facts: Facts, gpu: bool = False) -> dict[str, Terms]:
    """The terms of each measure; with a GPU of ``gpu_mb`` too: the same as those of ``mb``."""
    terms = FORMS[stage](facts)
    own = FORMS[stage]({**facts, "threads": 1, "on_gpu": True})  # threads share no GPU's products
    # Loading libraries takes time, and for a while more memory than what is kept of them.
    loaded = {LOADING: 1 - facts.get("forked", 0)}
    result = {
        "seconds": {**(own if gpu else terms)["seconds"], **loaded},
        "mb": {**terms["mb"], **loaded},
        "disk_mb": terms["disk_mb"],
    }
    return result | ({"gpu_mb": own["mb"]} if gpu else {})


def cost(stage: str, facts: Facts, coefficients: Mapping, gpu: bool = False) -> dict[str, float]:
    """What a job takes.

    Args:
        stage: one of :data:`FORMS`.
        facts: see the form.
        coefficients: see :func:`read_coefficients`.
        gpu: whether it has one; without coefficients of its own for GPUs a stage is reckoned.

    Returns:
        ``seconds``, ``mb`` of the host, ``disk_mb`` and ``gpu_mb`` (0: it uses no GPU).
    """
    gpu = gpu and stage in GPU_FLOPS
    measured = coefficients["gpu" if gpu else "cpu"].get(stage)
    terms = stage_terms(stage, facts, gpu)
    if measured is None:
        return _reckoned(stage, facts, coefficients["cpu"])
    return {"gpu_mb": 0.0} | {name: _sum(terms[name], measured[name]) for name in terms}


def _reckoned(stage: str, facts: Facts, measured: Mapping) -> dict[str, float]:
    """What a job takes with a GPU, from what it takes without one."""
    own = measured[stage]
    without = {name: _sum(terms, own[name]) for name, terms in stage_terms(stage, facts).items()}
    terms = stage_terms(stage, facts, gpu=True)
    seconds = {
        name: 1e9 / GPU_FLOPS[stage] if name.startswith("gflop") else value
        for name, value in own["seconds"].items()
    }
    if "mresized" in seconds:  # a GPU resizes by itself; what is left to the host is to decode
        seconds["mresized"] = measured["extract_frames"]["seconds"]["mpixels"]
    return {
        "seconds": _sum(terms["seconds"], seconds) + without["disk_mb"] / WRITTEN_MB,
        "mb": without["mb"] + GPU_HOST_MB,
        "disk_mb": without["disk_mb"],
        "gpu_mb": _sum(terms["gpu_mb"], {**own["mb"], START: GPU_CONTEXT_MB}),
    }


def memory_mb(expected: float, attempt: int = 1) -> int:
    """Memory to ask a scheduler for: with something to spare, twice as much at each attempt."""
    return math.ceil(max(LEAST_MB, SPARE_MEMORY * expected) * 2 ** (attempt - 1))


def runtime_minutes(expected: float, attempt: int = 1) -> int:
    """Minutes to ask a scheduler for, of expected seconds; twice as many at each attempt."""
    return math.ceil(max(LEAST_MINUTES, SPARE_TIME * expected / 60) * 2 ** (attempt - 1))


def _sum(terms: Terms, coefficients: Mapping[str, float]) -> float:
    return sum(
        size * (1.0 if name == KNOWN else coefficients[name]) for name, size in terms.items()
    )
