"""What one setting of a run demands of another, of the backbone, of the data and of files."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from betrayed.config.known_backbones import find_backbone
from betrayed.config.runs import PAPER
from betrayed.config.sweeps import Variant
from betrayed.config.training import HUB, HubFile
from betrayed.config.weights import PACKAGE_BACKBONE
from betrayed.errors import UserError

Sections = Mapping[str, Any]

#: How torch's files begin: with a zip archive, or (before torch 1.6) a pickle.
_TORCH = (b"PK", b"\x80")


def faults_of_run(
    own: Sections, sound: Sections, described: list[str], disk: bool
) -> Iterator[str]:
    """Each fault of a run, beyond those of single settings.

    Args:
        own: the sections of the run, as far as they are sound.
        sound: what all runs share, likewise: ``datasets``.
        described: the names of all data sets, also of those with faults.
        disk: whether files that are named are looked for.
    """
    yield from _of_weights(own)
    if disk:
        yield from _of_files(own)
    yield from _of_backbone(own)
    yield from _of_training(own, sound["datasets"], described)


def swept_in_vain(one: Variant, own: Sections) -> Iterator[str]:
    """What is swept in vain, since the method sets it: a flat line would look like a finding."""
    if own.get("method") != "paper":
        return
    for setting in one.swept:
        section, _, name = setting.partition(".")
        if name and name in PAPER.get(section, {}):
            yield (
                f"{setting}: method 'paper' sets it to {PAPER[section][name]!r} whatever is "
                "swept; sweep over it with method 'better'"
            )


def trains(own: Sections) -> bool:
    """Whether a run trains a block, as far as its settings are sound."""
    training = own.get("training", {})
    return "checkpoint" in training and training["checkpoint"] is None


def unknown_data_set(name: str, known: Iterable[str]) -> str:
    """That no data set has that name, the likeliest one that was meant, and all there are."""
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{name!r} is not described under datasets; {meant}there are: {', '.join(known)}"


def absent(names: Iterable[str], described: list[str]) -> list[str]:
    """Which names no data set has; none where nothing is known of data sets."""
    return [name for name in names if described and name not in described]


def _of_weights(own: Sections) -> Iterator[str]:
    source = own.get("weights", {}).get("source")
    backbone = own.get("features", {}).get("backbone")
    if backbone and source == "package" and backbone.partition(".")[0] != PACKAGE_BACKBONE:
        yield (
            f"weights.source: 'package' has {PACKAGE_BACKBONE}, not {backbone}; set it to 'hub' or "
            "'file', or features.backbone to that ViT"
        )


def _of_files(own: Sections) -> Iterator[str]:
    for section, name in (("weights", "path"), ("training", "checkpoint")):
        path = own.get(section, {}).get(name)
        if path and section == "training" and path.startswith(HUB):
            try:
                HubFile.from_name(path)
            except UserError as error:
                yield str(error)
        elif path and not Path(path).is_file():
            yield f"{section}.{name}: there is no file {path}"
        elif path and not _may_hold_tensors(Path(path)):
            yield (
                f"{section}.{name}: {path} is no file of torch (.pt, .pth)"
                + (" or of safetensors" if section == "weights" else "")
                + "; a download may have saved a page instead"
            )


def _may_hold_tensors(path: Path) -> bool:
    """Whether a file begins as those of torch or safetensors do; what it holds is for the job."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError:
        return False
    # safetensors: the header's length in eight bytes, then the header, a JSON object.
    return start.startswith(_TORCH) or (path.suffix == ".safetensors" and start[8:] == b"{")


def _of_backbone(own: Sections) -> Iterator[str]:
    """What the backbone cannot do of what is asked of it."""
    features = own.get("features", {})
    if "backbone" not in features:
        return
    try:
        backbone = find_backbone(features["backbone"])
    except ValueError as error:
        yield f"features.backbone: {error}"
        return
    if backbone is None:
        return
    name, patch, depth = backbone.name, backbone.patch, backbone.depth
    for section in ("features", "refinement", *(["training"] if trains(own) else [])):
        for side in ("height", "width"):
            pixels = own.get(section, {}).get(side)
            if pixels is not None and pixels % patch:
                below = pixels // patch * patch
                near = " or ".join(str(one) for one in (below, below + patch) if one)
                yield (
                    f"{section}.{side}: must be a multiple of {patch}, the patch size of {name}, "
                    f"such as {near}, not {pixels}"
                )
    if "facet" in features and features["facet"] not in backbone.facets:
        yield (
            f"features.facet: {name} has no {features['facet']!r} that the block can take; it "
            f"has: {', '.join(map(repr, backbone.facets))}"
        )
    if "layer" in features and not -depth <= features["layer"] < depth:
        yield (
            f"features.layer: {name} has {depth} blocks: must be from {-depth} to {depth - 1}, "
            f"not {features['layer']}"
        )
    heads = own["training"].get("heads") if trains(own) else None
    if heads and backbone.width % heads:
        fit = ", ".join(str(one) for one in range(1, 17) if backbone.width % one == 0)
        yield (
            f"training.heads: must divide {backbone.width}, the width of {name}'s tokens, such as "
            f"{fit}, not {heads}"
        )


def _of_training(own: Sections, datasets: Sections, described: list[str]) -> Iterator[str]:
    training = own.get("training", {})
    if not trains(own) or "dataset" not in training:
        return
    name = training["dataset"]
    if absent([name], described):
        yield f"training.dataset: {unknown_data_set(name, described)}"
    made = datasets.get(name, {}).get("make")
    if made and {"frames", "stride"} <= set(training):
        length = (training["frames"] - 1) * training["stride"] + 1
        if made["frames"] < length:
            yield (
                f"training.frames: a clip of {training['frames']} frames with stride "
                f"{training['stride']} is {length} frames long, but the videos of {name} have "
                f"{made['frames']} (datasets.{name}.make.frames)"
            )
