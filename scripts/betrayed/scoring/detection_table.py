"""The table that holds how a video's detections overlap its objects, until a data set is pooled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from betrayed.errors import UserError

COLUMNS = ["proposal", "score", "crowd", "object", "iou"]
_KINDS = {"proposal": "Int64", "score": "f8", "crowd": "f8", "object": "Int64", "iou": "f8"}
_REMEDY = "Delete it and run the workflow again; it will be made anew."


def as_table(
    iou: np.ndarray,
    scores: pd.Series,
    objects: Sequence[int],
    crowd: np.ndarray | None = None,
) -> pd.DataFrame:
    """The detections of a video as a table that a file can hold.

    Args:
        iou: (P, G), of every detection with every object.
        scores: (P,), by the number of the detection.
        objects: (G,) numbers.
        crowd: (P,), the share of every detection that one crowd covers, the largest of them; None:
            there are no crowds.

    Returns:
        Columns proposal, score, crowd, object, iou: a row for every pair; where one of the two
        sides is empty, a row for each of the other.
    """
    shares = np.zeros(len(scores)) if crowd is None else crowd
    found = {"proposal": scores.index, "score": scores.to_numpy(), "crowd": shares}
    detections = pd.DataFrame(found)
    annotated = pd.DataFrame({"object": objects})
    if detections.empty or annotated.empty:
        table = pd.concat([detections, annotated])
    else:
        table = detections.merge(annotated, how="cross").assign(iou=np.asarray(iou).ravel())
    return table.reindex(columns=COLUMNS).astype(_KINDS).reset_index(drop=True)


def read_detections(path: str | Path) -> pd.DataFrame:
    """Read a table of :func:`as_table` from the CSV that it was written to.

    Raises:
        UserError: the file is missing or no such table.
    """
    try:
        table = pd.read_csv(path, dtype=_KINDS)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Run the workflow to make it.") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise UserError(f"{path} is no table of detections ({error}). {_REMEDY}") from error
    if list(table.columns) != COLUMNS:
        raise UserError(f"{path} must have the columns {', '.join(COLUMNS)}. {_REMEDY}")
    return table
