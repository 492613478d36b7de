"""J and F by davis2017-evaluation, the DAVIS challenge's own code, where it can be imported.

It is on no package registry and is installed from its repository. It compares one object with one
proposal at a time, and so takes many times as long as this project's own scorer.
"""

import numpy as np

from betrayed.io.palette import VOID


def official_scores(
    annotations: np.ndarray, proposals: np.ndarray, n_objects: int, n_proposals: int
) -> tuple[np.ndarray, np.ndarray]:
    """What :func:`betrayed.scoring.davis.pairwise_scores` gives, by the challenge's own code."""
    from davis2017.metrics import db_eval_boundary, db_eval_iou  # only here: it may not be there

    n_columns = max(n_proposals, n_objects)
    similarity, boundary = np.zeros((2, len(annotations), n_objects, n_columns))
    void = annotations == VOID
    for g in range(n_objects):
        for p in range(n_columns):
            pair = (annotations == g + 1, proposals == p + 1, void)
            similarity[:, g, p] = db_eval_iou(*pair)
            boundary[:, g, p] = db_eval_boundary(*pair)
    return similarity, boundary
