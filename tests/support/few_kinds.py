"""Rows of a few kinds, as those of a video are, and their projection."""

import numpy as np
import torch

from betrayed.clustering.bounds import project as project_parts
from betrayed.clustering.row_parts import StoredRows


def rows_of_few_kinds(seed, count=40, columns=60, kinds=3, noise=0.02):
    draw = np.random.default_rng(seed)
    shares = draw.dirichlet(np.ones(kinds), size=count)
    rows = shares @ draw.dirichlet(np.ones(columns), size=kinds)
    rows = rows * np.exp(noise * draw.normal(size=rows.shape))
    return torch.from_numpy(rows / rows.sum(1, keepdims=True)).float()


def project(rows, onto):
    return project_parts(StoredRows(rows), onto)
