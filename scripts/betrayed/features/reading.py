"""Cached features as training reads them: some frames of a video, and what made them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from betrayed.errors import UserError
from betrayed.io.artefacts import check_finite, open_checked, provenance
from betrayed.io.row_reading import read_rows

#: Entries of ``made_by`` that change features by rounding only.
ROUNDING = {"precision", "device"}


def describe(path: str | Path, expect: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a features file holds.

    Returns:
        ``count`` T, ``grid`` (h, w), ``frame_size`` (H, W), ``dim`` D, ``views``, ``made_by``.

    Raises:
        UserError: see :func:`betrayed.io.artefacts.open_checked`.
    """
    with open_checked(path, "features", expect) as file:
        made_by = provenance(file)
        tokens = file["view0" if made_by["views"] else "/"]["patch_tokens"]
        return {
            "count": int(file.attrs["count"]),
            "grid": tuple(int(side) for side in file.attrs["grid"]),
            "frame_size": tuple(int(side) for side in file.attrs["frame_size"]),
            "dim": tokens.shape[2],
            "views": made_by["views"],
            "made_by": made_by,
        }


def read_clip(
    path: str | Path, frames: Sequence[int], view: int | None = None
) -> tuple[Tensor, Tensor]:
    """Features of some frames, in the order asked for.

    Args:
        path: features artefact.
        frames: t indices of frames.
        view: number of the augmented view; None for a file of plain frames.

    Returns:
        Patch tokens (t, N, D) and class tokens (t, D), float32 on the CPU.

    Raises:
        UserError: the file is not whole, has no such view or frame, or a value is not finite.
    """
    with open_checked(path, "features") as file:
        group = "/" if view is None else f"view{view}"
        if group not in file or "patch_tokens" not in file[group]:
            views = provenance(file)["views"]
            held = f"{views} augmented views" if views else "plain frames, no augmented views"
            wanted = "plain frames" if view is None else f"view {view}"
            raise UserError(f"{path} holds {held}, but {wanted} are wanted here.")
        count = int(file.attrs["count"])
        if outside := [index for index in frames if not 0 <= index < count]:
            raise UserError(f"{path} has {count} frames: there is no frame {outside[0]}.")
        patches, classes = (
            read_rows(file[group][name], frames) for name in ("patch_tokens", "class_tokens")
        )
    check_finite(path, "patch_tokens", patches)
    check_finite(path, "class_tokens", classes)
    return torch.from_numpy(patches).float(), torch.from_numpy(classes).float()


def common_provenance(paths: Sequence[str | Path]) -> dict[str, Any]:
    """What made all of these features, which must agree in everything but the video.

    On what class of device, and in what precision that chose, may differ too, as where a run goes
    on on another machine: both change rounding only.

    Returns:
        The entries of ``made_by`` without ``video``; several precisions or devices are joined.

    Raises:
        UserError: there is no file, or one differs from most others; it and the entry are named.
    """
    if not paths:
        raise UserError("No features were given.")
    made = {str(path): describe(path)["made_by"] for path in paths}
    for name in sorted(set().union(*made.values()) - {"video"}):
        if name in ROUNDING:
            continue
        values = {path: repr(made_by.get(name)) for path, made_by in made.items()}
        usual = Counter(values.values()).most_common(1)[0][0]
        for path, value in values.items():
            if value != usual:
                raise UserError(
                    f"{path} was made with {name} = {value}, the other videos' features with "
                    f"{usual}. Delete it and run the workflow again; it will be made anew."
                )
    first = next(iter(made.values()))
    common = {name: value for name, value in first.items() if name != "video"}
    for name in ROUNDING & set(first):
        common[name] = ", ".join(sorted({str(made_by.get(name)) for made_by in made.values()}))
    return common
