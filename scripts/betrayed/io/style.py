"""How every figure and page looks: one palette that colour-blind readers tell apart, one lettering.

Figures are SVG whose ink is the colour of the text around them, so that one drawing serves a light
and a dark page, and a page in print. The colours of a page are here, too.
"""

import io
import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from betrayed.io.files import whole_file

#: Seven of Okabe and Ito's colours (Color Universal Design, 2008), then each time that colour of a
#: grid in RGB which lies farthest from all before it, to whatever eyes: any two, and the grey, are
#: 15 apart at least in CIELAB, with normal sight, without red, green or blue cones (tests/io).
PALETTE = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#F0E442",
    "#0072B2",
    "#6600EE",
    "#00FF88",
    "#884422",
    "#AA66FF",
    "#AAEECC",
    "#AAAA66",
    "#8822CC",
    "#AA0088",
    "#AA0044",
)
#: Lines and bars on any ground, the clearest first: on the grounds of both pages the first four
#: have a contrast of at least 3. Markers tell them apart, too.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
#: Of what is in no group: void, and foreground that is no object; and of lines to compare with.
GREY = "#666666"
#: The map from weak to strong that heat is drawn in; its brightness rises evenly.
HEAT = "inferno"

#: The colours of a page by theme. Text has a contrast of at least 4.5 on its grounds (WCAG 2.2,
#: level AA), what marks something one of at least 3.
THEMES = {
    "light": {
        "ground": "#ffffff",
        "raised": "#f4f5f7",
        "ink": "#1b232c",
        "soft": "#57626e",
        "line": "#d4d9df",
        "accent": "#0b5c96",
        "on-accent": "#ffffff",
        "warning": "#fdf0d5",
        "drop": "#b8420a",
    },
    "dark": {
        "ground": "#14181d",
        "raised": "#1e242b",
        "ink": "#e6eaee",
        "soft": "#a3aeb9",
        "line": "#38424c",
        "accent": "#7cc0f2",
        "on-accent": "#10151a",
        "warning": "#3d3013",
        "drop": "#ff9a63",
    },
}

_INK = "#010203"  # stands for the colour of the text around a figure
_SETTINGS = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.prop_cycle": matplotlib.cycler(color=LINES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],
    "font.size": 9,
    "grid.alpha": 0.25,
    "grid.color": _INK,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",  # text stays text: it can be searched, and files stay small
    "text.color": _INK,
    "text.parse_math": False,  # a video may be called $x$
    "xtick.color": _INK,
    "ytick.color": _INK,
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches, drawn in this style within the block."""
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


def legend_columns(names: Collection[str], width: float, most: int = 4) -> int:
    """In how many columns a legend with these names fits into so many inches; at least 1."""
    # A letter is about 0.08 inches wide, and a mark with what is around it as six of them.
    longest = 0.08 * (max(map(len, names), default=0) + 6)
    return max(1, min(most, len(names), int(width / longest)))


def svg_text(figure: Figure, name: str) -> str:
    """The figure as an ``<svg>`` element; equal figures give equal texts.

    Args:
        figure: made in :func:`drawing`, whose block is still open.
        name: of the figure, different from those of all others on its page: the names of what is
            inside are made from it.
    """
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        # Text stays text: who shows the figure has letters that are not in this machine's font.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(stream, format="svg", metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    # Groups are numbered alike in every figure; nothing refers to them.
    return re.sub(r'<g id="[a-z]+[0-9A-Za-z.]*_\d+">', "<g>", text)


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure, made in :func:`drawing`, as the PNG or SVG that the suffix says, on white."""
    with whole_file(path) as temporary:
        if Path(path).suffix == ".svg":
            text = for_paper(svg_text(figure, Path(path).stem))
            temporary.write_text(text, encoding="utf-8")
        else:
            figure.savefig(temporary, dpi=150, facecolor="white", metadata={"Software": None})


def for_paper(svg: str) -> str:
    """A figure that stands for itself: black on white, whatever page it is on."""
    head, rest = svg.split(">", 1)
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f"{head}>{ground}{rest}".replace("currentColor", "#000000")


def page_colours() -> str:
    """:data:`THEMES` as CSS: variables such as ``--ink``, dark where the reader's system is."""
    light, dark = (
        " ".join(f"--{name}: {colour};" for name, colour in own.items()) for own in THEMES.values()
    )
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )


def colour_table() -> np.ndarray:
    """The colour of every id, (256, 3) uint8: those of the palette in turn, 255 is grey."""
    colours = np.array([_rgb(colour) for colour in PALETTE], np.uint8)
    table = colours[np.arange(-1, 255) % len(colours)]
    table[255] = _rgb(GREY)
    return table


def _rgb(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def heat_colours() -> list[str]:
    """The 256 colours of :data:`HEAT`, as #rrggbb."""
    return [matplotlib.colors.to_hex(colour) for colour in matplotlib.colormaps[HEAT](range(256))]


def heat_table() -> np.ndarray:
    """The same, (256, 3) uint8."""
    return np.array([_rgb(colour) for colour in heat_colours()], np.uint8)
