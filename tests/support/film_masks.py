"""Pieces of a film with masks and features, as the stages leave them."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from betrayed.datasets.pieces import Piece
from betrayed.io.artefacts import create
from betrayed.objects.joining import PieceMasks
from betrayed.objects.looks import write_looks
from betrayed.objects.objects import COLUMNS
from support.videos_for_tests import write_annotations

CELL = 4  # pixels, the side of a token


def piece_masks(
    folder: Path,
    piece: Piece,
    ids: np.ndarray,
    looks: dict[int, np.ndarray],
    rest: int = 0,
    parts: np.ndarray | None = None,
    part_of: tuple[int, ...] = (),
) -> PieceMasks:
    """Write what a piece has.

    Args:
        folder: of all pieces.
        piece: which frames it has.
        ids: (T, H, W) uint8, the objects 1, 2, … of its frames; 255 is foreground without a number.
        looks: the token (D,) of each object; 0 is the ground's.
        rest: proposals around the objects, so many, at the picture's lower border.
        parts: (T, H, W) uint8, the parts 1, 2, … of the objects; None: there are none.
        part_of: the object that each of them is of.
    """
    name = f"{piece.film}-{piece.first}"
    masks = folder / "masks" / name
    foreground = ids > 0
    proposals = np.where(ids == 255, 0, ids).astype(np.uint8)
    count = max(number for number in looks)
    for one in range(rest):
        proposals[:, -1, one] = count + one + 1
    write_annotations(masks / "proposals", proposals)
    (masks / "foreground").mkdir()
    for index, mask in enumerate(foreground):
        Image.fromarray(mask.astype(np.uint8) * 255).save(masks / f"foreground/{index:05d}.png")
    numbers = [*range(1, count + rest + 1)]
    table = pd.DataFrame({"proposal": numbers}).reindex(columns=list(COLUMNS))
    table["foreground"] = [number <= count for number in numbers]
    table["score"] = [1 / number for number in numbers]
    table["persistence"] = [(ids == number).any(axis=(1, 2)).mean() for number in numbers]
    if parts is not None:
        write_annotations(masks / "parts", parts)
        own = pd.DataFrame({"part": range(1, len(part_of) + 1), "part_of": part_of})
        own = own.assign(proposal=0, foreground=True, score=[1 / one for one in own["part"]])
        own["persistence"] = [(parts == one).any(axis=(1, 2)).mean() for one in own["part"]]
        table = pd.concat([table, own.reindex(columns=list(COLUMNS))], ignore_index=True)
    table.to_csv(masks / "objects.csv", index=False)

    grid = ids.shape[1] // CELL, ids.shape[2] // CELL
    small = ids[:, CELL // 2 :: CELL, CELL // 2 :: CELL]
    tokens = np.stack([looks.get(number, looks[0]) for number in range(256)])[small]
    path = folder / "features" / f"{name}.h5"
    with create(path, "features", {"video": name}) as file:
        file["patch_tokens"] = tokens.reshape(len(ids), -1, tokens.shape[-1]).astype(np.float16)
        file.attrs.update(grid=grid, frame_size=ids.shape[1:], count=len(ids))
    write_looks(masks, path)
    return PieceMasks(piece, masks)
