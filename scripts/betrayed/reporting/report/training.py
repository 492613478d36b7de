"""The panel *Training*: how each block was trained."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from betrayed.reporting.report import figures
from betrayed.reporting.report.sources import RunSource

#: Blocks whose clusters over the steps are shown, the first ones: they are photographs.
_MOST_STRIPS = 3


def training_figures(runs: Sequence[RunSource]) -> Iterator[figures.Drawn]:
    """Each block once: its losses and entropy, and the clusters of a clip while it learned."""
    for place, block in enumerate(dict.fromkeys(run.block for run in runs)):
        users = [run for run in runs if run.block == block]
        path = users[0].training
        if path and Path(path).is_file():
            log = pd.read_csv(path)
            yield figures.training_figure(log, block, path, [run.name for run in users])
        if users[0].clusters and place < _MOST_STRIPS:
            drawn = figures.clusters_figure(users[0].clusters, block)
            if drawn is not None:
                yield drawn
