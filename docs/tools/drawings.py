"""Draw docs/rooms.svg, the rooms of the library, and docs/chain.svg, the way of the data.

python docs/tools/drawings.py
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Room:
    """A folder of ``scripts/betrayed``: its name, what is in it, and what it leaves behind."""

    name: str
    holds: str
    leaves: str = ""
    kind: str = "stage"  # stage, result or shared
    width: float = 1.0


#: From the roof down. A room may import those on the floors below it, and no other.
FLOORS: tuple[tuple[Room, ...], ...] = (
    (
        Room("scoring", "protocols and metrics", "scores, detections", "result"),
        Room("exports", "forms that servers, tools take", "davis.zip, coco/, webm/", "result"),
    ),
    (
        Room("training", "losses, clips, loop", "block.pt, training.csv"),
        Room("objects", "motion, cues, foreground, masks", "motion, masks, objects.csv"),
        Room("reporting", "tables, leaderboard, pictures", "tables, pictures", "result"),
    ),
    (
        Room("features", "backbone, weights, augmentation", "features, weights"),
        Room("clustering", "rows into tracks, merge tree", "tracks"),
    ),
    (
        Room("video", "the checked video, decoding", "frames.json, frames"),
        Room("block", "spatio-temporal block, rows", "attention"),
    ),
    (Room("datasets", "layouts: where files lie · readers: what stands in them", "videos.csv"),),
    (
        Room("engine", "what runs programs on machines: batches, GPUs", "", "shared"),
        Room("synthetic", "the made videos, with exact masks", "resources/made"),
    ),
    (
        Room("config", "settings, runs, identifiers in paths", "", "shared"),
        Room("io", "whole files, HDF5, images, palettes, films", "", "shared"),
    ),
    (Room("errors.py", "the errors that are shown to people", "", "shared"),),
)

FILL = {"stage": "#dbe9f6", "result": "#e0f0dc", "shared": "#eeeae2"}
EDGE = {"stage": "#3f6f9f", "result": "#4d8449", "shared": "#8a8072"}
INK, SOFT, PAPER = "#1d2733", "#5b6673", "#ffffff"
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
MONO = "Menlo, Consolas, 'Liberation Mono', monospace"


def text(
    x: float,
    y: float,
    words: str,
    size: float = 13,
    *,
    fill: str = INK,
    weight: str = "normal",
    anchor: str = "middle",
    font: str = FONT,
    more: str = "",
) -> str:
    """A line of text."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="{font}" font-size="{size:g}" fill="{fill}" '
        f'font-weight="{weight}" text-anchor="{anchor}" {more}>{escape(words)}</text>'
    )


def box(x: float, y: float, width: float, height: float, kind: str, radius: float = 6) -> str:
    """A rounded box in the colour of its kind."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" '
        f'fill="{FILL[kind]}" stroke="{EDGE[kind]}" stroke-width="1.4"/>'
    )


def picture(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    """A whole SVG on white, so that it can be read on a dark page too."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">'
    )
    arrow = (
        '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" '
        f'fill="{SOFT}"/></marker></defs>'
    )
    paper = f'<rect width="{width:g}" height="{height:g}" rx="10" fill="{PAPER}"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", arrow, paper, *parts, "</svg>", ""])


def line(points: Sequence[tuple[float, float]], *, dashed: bool = False) -> str:
    """A line through points with an arrow at its end."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<polyline points="{path}" fill="none" stroke="{SOFT}" stroke-width="1.6"{dash} '
        'marker-end="url(#arrow)"/>'
    )


def rooms() -> str:
    """The house: a floor for each step of the rule that imports go down only."""
    left, right, gap = 90.0, 870.0, 10.0
    roof, floor, eaves = 118.0, 74.0, 46.0
    top = 20 + roof + 8
    bottom = top + len(FLOORS) * (floor + gap)
    parts = [
        f'<path d="M{left - eaves:g} {20 + roof:g} L{(left + right) / 2:g} 20 '
        f'L{right + eaves:g} {20 + roof:g} z" fill="#f6e3d3" stroke="#a8653a" '
        'stroke-width="1.6" stroke-linejoin="round"/>',
        text(480, 20 + roof - 50, "programs", 19, weight="bold"),
        text(480, 20 + roof - 29, "scripts/*.py, one a rule: parse, call the library, write", 13),
        text(480, 20 + roof - 11, "started by Snakefile and rules/*.smk", 13, fill=SOFT),
        f'<rect x="{left - 12:g}" y="{top - 8:g}" width="{right - left + 24:g}" '
        f'height="{bottom - top + 6:g}" fill="none" stroke="#b9b2a6" stroke-width="1.4"/>',
    ]
    for number, row in enumerate(FLOORS):
        y = top + number * (floor + gap)
        free = right - left - gap * (len(row) - 1)
        x = left
        for room in row:
            width = free * room.width / sum(one.width for one in row)
            middle = x + width / 2
            parts.append(box(x, y, width, floor, room.kind))
            lines = [
                text(middle, y + (24 if room.leaves else 31), _folder(room), 17, weight="bold")
            ]
            lines.append(text(middle, y + (43 if room.leaves else 51), room.holds, 13))
            if room.leaves:
                lines.append(text(middle, y + 62, f"→ {room.leaves}", 12, fill=SOFT, font=MONO))
            parts += lines
            x += width + gap
    parts += [
        line([(42, top + 12), (42, bottom - 14)]),
        text(
            30,
            (top + bottom) / 2,
            "imports go down, never up or sideways",
            13,
            fill=SOFT,
            more=f'transform="rotate(-90 30 {(top + bottom) / 2:g})"',
        ),
        f'<line x1="20" y1="{bottom:g}" x2="940" y2="{bottom:g}" stroke="#8a8072" '
        'stroke-width="2"/>',
    ]
    x = 178.0
    for kind, words in (
        ("stage", "a stage of the chain"),
        ("result", "scores, tables, files for others"),
        ("shared", "shared by all"),
    ):
        parts += [
            box(x, bottom + 18, 18, 14, kind, 3),
            text(x + 26, bottom + 30, words, 13, fill=SOFT, anchor="start"),
        ]
        x += 48 + 7.2 * len(words) + 20
    title = "The rooms of the library, a floor for each step of the rule for imports"
    return picture(960, bottom + 50, title, parts)


def _folder(room: Room) -> str:
    return room.name if room.name.endswith(".py") else f"{room.name}/"


def chain() -> str:
    """The way of the data: boxes are files, words on the arrows the stage that makes them."""
    wide, high = 118.0, 46.0
    places = {
        "videos": (20, 118, "stage", "files, folders"),
        "frames": (190, 118, "stage", "frames.json"),
        "features": (360, 118, "stage", "HDF5 a video"),
        "block": (360, 28, "stage", "block.pt"),
        "attention": (545, 118, "stage", "HDF5 a video"),
        "tracks": (720, 118, "stage", "HDF5 a video"),
        "motion": (360, 208, "stage", "HDF5 a video"),
        "masks": (720, 208, "stage", "PNGs, objects.csv"),
        "scores": (545, 298, "result", "CSV a video"),
        "tables": (360, 298, "result", "CSV, Parquet"),
        "pictures": (720, 298, "result", "film, sheet"),
    }
    middle = {name: (x + wide / 2, y + high / 2) for name, (x, y, *_) in places.items()}
    parts = []

    def side(name: str, where: str) -> tuple[float, float]:
        x, y = middle[name]
        return {
            "left": (x - wide / 2, y),
            "right": (x + wide / 2, y),
            "top": (x, y - high / 2),
            "bottom": (x, y + high / 2),
        }[where]

    def word(x: float, y: float, words: str, anchor: str = "middle") -> str:
        return text(x, y, words, 12.5, fill=SOFT, anchor=anchor, more='font-style="italic"')

    for start, end, verb in (
        ("videos", "frames", "extract"),
        ("frames", "features", "cache"),
        ("features", "attention", "export"),
        ("attention", "tracks", "cluster"),
    ):
        one, two = side(start, "right"), side(end, "left")
        parts += [line([one, two]), word((one[0] + two[0]) / 2, one[1] - 8, verb)]
    up, down = side("features", "top"), side("block", "bottom")
    parts += [line([up, down]), word(up[0] - 8, (up[1] + down[1]) / 2 + 4, "train", "end")]
    out = side("block", "right")
    attention = side("attention", "top")
    parts.append(line([out, (attention[0], out[1]), attention]))
    low = side("frames", "bottom")
    motion = side("motion", "left")
    parts += [line([low, (low[0], motion[1]), motion])]
    parts.append(word((low[0] + motion[0]) / 2 + 4, motion[1] - 8, "measure"))
    tracks, masks = side("tracks", "bottom"), side("masks", "top")
    parts += [
        line([tracks, masks]),
        word(tracks[0] + 8, (tracks[1] + masks[1]) / 2 + 4, "select", "start"),
    ]
    parts.append(line([side("motion", "right"), side("masks", "left")]))
    # Fine tokens and class attention go from the features to the choice of objects, too.
    features, choice = side("features", "bottom"), side("masks", "left")
    bend = features[1] + 24
    parts.append(
        line(
            [
                (features[0] + 30, features[1]),
                (features[0] + 30, bend),
                (660, bend),
                (660, choice[1] - 12),
                (choice[0], choice[1] - 12),
            ]
        )
    )
    scores = side("scores", "top")
    parts += [
        line([(choice[0], choice[1] + 12), (scores[0], choice[1] + 12), scores]),
        word(scores[0] - 8, (choice[1] + 12 + scores[1]) / 2 + 6, "score", "end"),
    ]
    parts += [line([side("scores", "left"), side("tables", "right")])]
    parts.append(word((side("scores", "left")[0] + side("tables", "right")[0]) / 2, 313, "collect"))
    bottom, pictures = side("masks", "bottom"), side("pictures", "top")
    parts += [
        line([bottom, pictures]),
        word(bottom[0] + 8, (bottom[1] + pictures[1]) / 2 + 4, "draw", "start"),
    ]
    for name, (x, y, kind, form) in places.items():
        parts += [
            box(x, y, wide, high, kind),
            text(x + wide / 2, y + 20, name, 15, weight="bold"),
            text(x + wide / 2, y + 37, form, 11.5, fill=SOFT),
        ]
    return picture(860, 364, "From videos to masks, scores, tables and pictures", parts)


DRAWINGS = {"rooms.svg": rooms, "chain.svg": chain}


def main() -> None:
    """Write both."""
    for name, draw in DRAWINGS.items():
        (DOCS / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
