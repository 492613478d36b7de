"""A picture of how a training went."""

from collections.abc import Sequence
from pathlib import Path

from betrayed.io.files import whole_file


def draw_curves(
    path: str | Path,
    log: Sequence[Sequence[float]],
    columns: Sequence[str],
    entropy_limits: Sequence[float],
) -> None:
    """Draw both losses and the entropy of the queries' rows over the steps.

    Args:
        path: the PNG to write.
        log: a row a step.
        columns: names of its columns; ``step``, ``semantic``, ``motion``, ``entropy`` are drawn.
        entropy_limits: entropy of uniform rows, in nats, one for each size of clip; dashed lines.
    """
    # Here, because it takes a second and only the end of a training needs it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table = dict(zip(columns, zip(*log, strict=True), strict=True))
    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    for name, label in (("semantic", "semantic consistency"), ("motion", "motion consistency")):
        upper.plot(table["step"], table[name], label=label, linewidth=1)
    upper.set_ylabel("loss")
    upper.set_ylim(bottom=0)
    upper.legend()
    lower.plot(table["step"], table["entropy"], color="tab:green", linewidth=1, label="rows")
    for index, limit in enumerate(entropy_limits):
        label = "uniform rows" if index == 0 else None
        lower.axhline(limit, color="gray", linestyle="--", linewidth=1, label=label)
    lower.set_ylabel("entropy in nats")
    lower.set_xlabel("step")
    lower.legend()
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120)
