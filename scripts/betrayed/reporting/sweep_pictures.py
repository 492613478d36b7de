"""The picture of a sweep: lines for one setting, heat maps for two, marks for more."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from betrayed.io.style import HEAT, LINES, drawing, legend_columns, save
from betrayed.reporting.leaderboard import HEADLINES
from betrayed.reporting.sweeps import swept_settings

_MARKERS = "osD^vP"
#: Values whose ends lie so many times apart are drawn on a logarithmic axis.
_WIDE = 10
_WIDTH, _HEIGHT = 3.6, 2.8  # of a panel, in inches
_ASIDE = 6  # points from the marks of a run to those of the next


def draw_sweep(table: pd.DataFrame, path: str | Path) -> None:
    """Write the picture of a sweep as an SVG or PNG file; see :func:`sweep_drawn`."""
    with sweep_drawn(table) as figure:
        save(figure, path)


@contextmanager
def sweep_drawn(table: pd.DataFrame) -> Iterator[Figure]:
    """The headline figure of each protocol and data set, drawn; see :func:`panels`.

    Args:
        table: as :func:`betrayed.reporting.sweeps.tabulate_sweep` gives it.
    """
    settings = swept_settings(table)
    heat = len(settings) == 2 and _is_grid(table, settings)
    shown = [
        ((dataset, protocol, metric, run), figures, (alike["value"].min(), alike["value"].max()))
        for (dataset, protocol, metric), alike in panels(table)
        for run, figures in (
            alike.groupby("run", sort=False, observed=True) if heat else [(None, alike)]
        )
    ]
    columns = min(3, len(shown)) or 1
    rows = -(-len(shown) // columns) or 1
    with drawing(_WIDTH * columns, _HEIGHT * rows + 0.6) as figure:
        places = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in places[len(shown) :]:
            axes.set_axis_off()
        if not shown:
            places[0].text(0.5, 0.5, "No figure over a data set to show", ha="center")
        several = table["run"].nunique() > 1
        for axes, (key, figures, limits) in zip(places, shown, strict=False):
            dataset, protocol, metric, run = key
            axes.set_title(f"{dataset}, {protocol}" + (f"\n{run}" if heat and several else ""))
            if heat:
                _heat_map(axes, figures, settings, metric, limits)
            else:
                _lines(axes, figures, settings, metric)
        if several and not heat:
            lines = dict(zip(*reversed(places[0].get_legend_handles_labels()), strict=True))
            ncols = legend_columns(lines, figure.get_figwidth())
            figure.legend(lines.values(), lines, loc="outside upper center", ncols=ncols)
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
        if shown:
            figure.supxlabel(spread_text(table, heat), size=8)
        yield figure


def spread_text(table: pd.DataFrame, heat: bool) -> str:
    """What the picture shows beside means, and over how many seeds."""
    seeds = int(table["seeds"].max())
    if seeds < 2:
        return "one seed each: how much seeds move a figure is not known"
    spread = "mean ± standard deviation" if heat else "mean with its 95% interval (Student's t)"
    return f"{spread} over up to {seeds} seeds"


def panels(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """What has a panel of its own: of each data set and protocol the first headline figure."""
    for (dataset, protocol), alike in table.groupby(["dataset", "protocol"], observed=True):
        present = [name for name in HEADLINES if (alike["metric"] == name).any()]
        if present:
            yield (dataset, protocol, present[0]), alike[alike["metric"] == present[0]]


def _is_grid(table: pd.DataFrame, settings: list[str]) -> bool:
    """Whether every value of one setting comes with every value of the other."""
    steps = table[settings].drop_duplicates()
    return len(steps) == np.prod([len(steps[name].drop_duplicates()) for name in settings])


def _lines(axes: Axes, figures: pd.DataFrame, settings: list[str], metric: str) -> None:
    """A line for each run over the steps, with the interval over seeds as bars."""
    single = len(settings) == 1
    values = list(figures[settings[0]].drop_duplicates()) if single else []
    numeric = single and all(is_number(value) for value in values)
    if numeric:
        where = figures[settings[0]].astype("f8")
    else:
        texts = [
            "\n".join(setting_text(one) for one in row) for row in figures[settings].to_numpy()
        ]
        order = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        where = pd.Series([float(order[text]) for text in texts], index=figures.index)
        axes.set_xticks(list(order.values()), list(order))
        axes.margins(x=0.2)
    runs = list(figures.groupby("run", sort=False, observed=True))
    for place, (run, own) in enumerate(runs):
        # Side by side, so that no interval lies over that of another run.
        aside = _ASIDE * (place - (len(runs) - 1) / 2) / 72
        moved = axes.transData + ScaledTranslation(aside, 0, axes.figure.dpi_scale_trans)
        x = where.loc[own.index].sort_values()
        own = own.loc[x.index]
        # What is moved aside counts for nothing when limits are looked for.
        for name in ("low", "value", "high"):
            axes.update_datalim(np.column_stack([x, own[name].fillna(own["value"])]))
        ends = np.abs(own[["low", "high"]].to_numpy("f8").T - own["value"].to_numpy("f8"))
        axes.errorbar(
            x,
            own["value"],
            yerr=ends,  # of a single seed none is known, and none is drawn
            color=LINES[place % len(LINES)],
            marker=_MARKERS[place % len(_MARKERS)],
            markersize=4,
            capsize=3,
            linestyle="-" if numeric else "none",
            label=run,
            transform=moved,
        )
    if numeric and min(values) > 0 and max(values) >= _WIDE * min(values):
        axes.set_xscale("log")
    axes.autoscale_view()
    if numeric:
        axes.set_xticks(sorted(map(float, values)), [setting_text(one) for one in sorted(values)])
        axes.minorticks_off()
    # One below the other, as their values are.
    axes.set(xlabel="\n".join(settings), ylabel=metric)
    axes.grid(visible=True, axis="y")


def _heat_map(
    axes: Axes,
    figures: pd.DataFrame,
    settings: list[str],
    metric: str,
    limits: tuple[float, float],
) -> None:
    """A field for each pair of values with its mean, and the spread over seeds below it.

    ``limits`` are the figures of the darkest and the brightest colour: the same in all runs.
    """
    names = [list(figures[name].drop_duplicates()) for name in settings]
    names = [sorted(own) if all(map(is_number, own)) else own for own in names]
    across, down = ([setting_text(value) for value in own] for own in names)
    places = [figures[name].map(setting_text) for name in settings]
    placed = figures.assign(x=places[0], y=places[1])
    means, spreads = (
        placed.pivot(index="y", columns="x", values=name)
        .reindex(index=down, columns=across)
        .to_numpy("f8")
        for name in ("value", "spread")
    )
    low, high = limits
    image = axes.imshow(means, vmin=low, vmax=high, cmap=HEAT, origin="lower", aspect="auto")
    axes.figure.colorbar(image, ax=axes, label=metric)
    for (y, x), mean in np.ndenumerate(means):
        if np.isfinite(mean):
            spread = f"\n±{spreads[y, x]:.3f}" if np.isfinite(spreads[y, x]) else ""
            # Dark fields have white text: the map's brightness rises evenly.
            ink = "white" if image.norm(mean) < 0.6 else "black"
            text = f"{mean:.3f}{spread}"
            axes.text(x, y, text, ha="center", va="center", color=ink, size=8)
    axes.set_xticks(range(len(across)), across)
    axes.set_yticks(range(len(down)), down)
    axes.set(xlabel=settings[0], ylabel=settings[1])
    for spine in axes.spines.values():
        spine.set_visible(False)


def is_number(value: Any) -> bool:
    """Whether a setting's value can stand on an axis: neither text nor true or false, and there."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_) and value == value


def setting_text(value: Any) -> str:
    """A value as YAML has it, with all its digits: two values never share a text."""
    if pd.isna(value):
        return "null"
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if is_number(value):
        return str(int(value)) if value == int(value) else repr(float(value))
    return str(value)
