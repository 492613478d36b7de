"""Features files small enough to train on in a test."""

import numpy as np

from betrayed.io.artefacts import create

DIM = 16


def features_file(path, count=9, grid=(5, 7), views=0, seed=0, backbone="tiny", dim=DIM):
    """A bright square that moves to the right over a plain ground, as noisy tokens."""
    rng = np.random.default_rng(seed)
    ground, thing = rng.normal(size=(2, dim))
    tokens = np.empty((count, *grid, dim))
    for t in range(count):
        tokens[t] = ground
        left = t % (grid[1] - 2)
        tokens[t, 1:4, left : left + 3] = thing
    tokens = (tokens + 0.3 * rng.normal(size=tokens.shape)).reshape(count, -1, dim)
    made_by = {
        "video": path.stem, "backbone": backbone, "weights_sha256": "0", "facet": "key",
        "layer": -1, "height": 10, "width": 14, "views": views, "seed": 0, "mean": [0.0] * 3,
        "std": [1.0] * 3,
    }  # fmt: skip
    with create(path, "features", made_by) as file:
        for group in [f"view{i}" for i in range(views)] or ["/"]:
            place = file.require_group(group)
            place["patch_tokens"] = tokens.astype(np.float16)
            place["class_tokens"] = tokens.mean(1).astype(np.float16)
        file.attrs.update(grid=grid, frame_size=(10, 14), count=count)
    return path
