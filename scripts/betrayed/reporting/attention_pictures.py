"""Pictures of where attention lies: heat on frames, as a film and as sheets."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from betrayed.clustering.tracks import read_tracks
from betrayed.errors import UserError
from betrayed.features.whole_video import read_class_attention
from betrayed.io.display import USUAL_FPS
from betrayed.io.progress import progress
from betrayed.io.style import HEAT, drawing, heat_table, save
from betrayed.io.video_writing import write_video
from betrayed.reporting.attention_maps import (
    as_heat,
    block_concentration,
    check_video,
    key_frames,
    strongest_tokens,
    token_grid,
    token_rows,
)
from betrayed.reporting.merging import merging_drawn
from betrayed.reporting.object_colours import coloured, grid_ids, object_ids
from betrayed.video.video import Video

#: What the maps are called.
BACKBONE, BLOCK = "backbone's attention", "block's concentration"
STRENGTH = 0.65  # how much the heat covers a frame
#: What is drawn of a video.
FILES = ("attention.png", "attention.mp4", "objects.png", "merging.svg")
#: What heat is of, for the bars of colours.
WHOLE_VIDEO = "each map on one scale for the video, percentiles 1 to 99.5"
ONE_TOKEN = "each row on one scale, up to percentile 99.5"
MOMENTS = 6  # columns of a sheet
MOST_OBJECTS = 8  # rows of a sheet
_COLUMN = 1.8  # inches
_TALLEST = 5.4  # inches; frames that are narrower leave room beside them
_NARROWEST = 80  # pixels of a picture in the film, below which its name could not be read

Row = tuple[str, Sequence[np.ndarray]]


def draw_attention(
    frames_path: str | Path,
    objects_path: str | Path,
    tracks_path: str | Path,
    features_path: str | Path,
    attention_path: str | Path,
    folder: str | Path,
) -> None:
    """Write ``attention.mp4``, ``attention.png``, ``objects.png`` and ``merging.svg``.

    The film has each frame, the backbone's attention and the concentration of the block's side by
    side; ``attention.png`` has some moments of it. ``objects.png`` has a row an object: the
    attention of its strongest token over the key frames. ``merging.svg`` is the tree of tracks.

    Args:
        frames_path: the video's ``frames.json``.
        objects_path: ``objects.csv`` in its folder of masks.
        tracks_path, features_path, attention_path: its artefacts.
        folder: where to write.

    Raises:
        UserError: something is missing, or not of one video.
    """
    video, tracks = Video.load(frames_path), read_tracks(tracks_path)
    folder, masks = Path(folder), Path(objects_path).parent
    frames = range(video.count)
    class_attention = read_class_attention(features_path)
    if not video.count == len(tracks.labels) == len(class_attention):
        raise UserError(
            f"{frames_path} has {video.count} frames, {tracks_path} {len(tracks.labels)} and "
            f"{features_path} {len(class_attention)}. Delete the latter two and run the workflow "
            "again."
        )
    concentration = block_concentration(attention_path, frames)
    heats = {BACKBONE: as_heat(class_attention), BLOCK: as_heat(concentration)}
    write_video(
        folder / "attention.mp4",
        _film(video, heats),
        video.fps or USUAL_FPS,
        video.times,
        video.seconds,
        video.pixel_aspect,
    )
    moments, aspect = _evenly(video.count), float(video.pixel_aspect)
    rows: list[Row] = [("frame", [video.frame(index) for index in moments])]
    for name, heat in heats.items():
        rows.append(
            (
                name.replace(" ", "\n"),
                [heated(video.frame(index), heat[index]) for index in moments],
            )
        )
    heads = [f"frame {index}" for index in moments]
    save_sheet(folder / "attention.png", rows, heads, aspect, WHOLE_VIDEO)

    ids = grid_ids(masks, frames, concentration.shape[1:])
    keys = key_frames(tracks_path)
    tokens = strongest_tokens(ids[keys], concentration[keys], keys)
    rows = _strongest(video, masks, tokens, keys, attention_path)
    heads = ["its token", *(f"frame {keys[place]}" for place in _evenly(len(keys)))]
    save_sheet(folder / "objects.png", rows, heads, aspect, ONE_TOKEN)
    with merging_drawn(tracks, ids, video.frame) as figure:
        save(figure, folder / "merging.svg")


def show_token(
    video: Video,
    attention_path: str | Path,
    frame: int,
    y: int,
    x: int,
    every: int,
    output: str | Path,
) -> None:
    """Write the attention of the token at a pixel, over every so many frames of a video, as a PNG.

    Args:
        video: the video.
        attention_path: its attention artefact.
        frame, y, x: the pixel, in the video's own size.
        every: which frames are looked at: each so many, from the first.
        output: the PNG.

    Raises:
        UserError: there is no such pixel, ``every`` is below 1, the artefact is unfit or of another
            video, or the output is no PNG.
    """
    if not 0 <= frame < video.count:
        raise UserError(f"There is no frame {frame}: the video has {video.count}, from 0.")
    if not (0 <= y < video.height and 0 <= x < video.width):
        raise UserError(
            f"There is no pixel x {x}, y {y}: frames are {video.width}x{video.height}, from 0."
        )
    if every < 1:
        raise UserError(f"--every must be at least 1, not {every}.")
    if Path(output).suffix != ".png":
        raise UserError(f"What is written is a PNG: --output must end in .png, not {output}.")
    check_video(attention_path, video.name, video.count, (video.height, video.width))
    looked_at = list(range(0, video.count, every))
    rows, columns = token_grid(attention_path)
    token = y * rows // video.height * columns + x * columns // video.width
    (row,) = token_rows(attention_path, [(frame, token)], looked_at)
    pictures = _heated_row(video, row, looked_at)
    asked = ringed(video.frame(frame), token, (rows, columns))
    heads = [f"x {x}, y {y}", *(f"frame {looked_at[one]}" for one in _evenly(len(looked_at)))]
    row = f"frame {frame}", [asked, *pictures]
    save_sheet(output, [row], heads, float(video.pixel_aspect), ONE_TOKEN)


def save_sheet(
    path: str | Path,
    rows: Sequence[Row],
    heads: Sequence[str],
    aspect: float = 1,
    scale: str = "",
) -> None:
    """Write rows of pictures (H, W, 3) uint8, each with a title, under heads; no row: a note.

    ``aspect`` is the width of a pixel by its height. ``scale`` says what the heat is of, beside a
    bar of its colours; empty: there is none.
    """
    height, width = rows[0][1][0].shape[:2] if rows else (9, 16)
    row = min(_TALLEST, _COLUMN * height / width / aspect) + 0.1
    bar = 0.65 if scale and rows else 0
    height = row * max(1, len(rows)) + 0.35 + bar
    with drawing(0.4 + _COLUMN * len(heads), height) as figure:
        if not rows:
            figure.text(0.5, 0.5, "no object was found", ha="center")
        panels = figure.subplots(max(1, len(rows)), len(heads), squeeze=False)
        for panel in panels.flat:
            panel.set(xticks=[], yticks=[])
            panel.set_frame_on(False)
        for line, (title, pictures) in zip(panels, rows, strict=False):
            line[0].set_ylabel(title)
            for panel, picture in zip(line, pictures, strict=True):
                panel.imshow(picture, aspect=1 / aspect)
        for panel, text in zip(panels[0] if rows else (), heads, strict=False):
            panel.set_title(text)
        if bar:
            _colour_bar(figure, panels, scale, width=2.4)
        save(figure, path)


def _colour_bar(figure: Figure, panels: np.ndarray, scale: str, width: float) -> None:
    """A bar of the heat's colours below all panels, so many inches wide."""
    colours = ScalarMappable(Normalize(0, 1), HEAT)
    share = min(0.5, width / figure.get_figwidth())
    bar = figure.colorbar(
        colours,
        ax=panels.ravel().tolist(),
        location="bottom",
        shrink=share,
        aspect=24,
        ticks=[0, 1],
        label=scale,
    )
    bar.ax.set_xticklabels(["weak", "strong"])
    bar.outline.set_visible(False)


def heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 with heat (h, w) uint8 over it, smoothed to its size."""
    size = picture.shape[1], picture.shape[0]
    smooth = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
    mixed = (1 - STRENGTH) * picture + STRENGTH * heat_table()[smooth]
    return mixed.round().astype(np.uint8)


def ringed(picture: np.ndarray, token: int, grid: Sequence[int]) -> np.ndarray:
    """A frame with a ring around a token, white within black."""
    height, width = picture.shape[:2]
    row, column = divmod(token, grid[1])
    centre = round((column + 0.5) * width / grid[1]), round((row + 0.5) * height / grid[0])
    radius = max(3, round(0.9 * width / grid[1]))
    shown = picture.copy()
    for colour, thickness in (((0, 0, 0), radius // 2 + 2), ((255, 255, 255), radius // 4 + 1)):
        cv2.circle(shown, centre, radius, colour, thickness, cv2.LINE_AA)
    return shown


def _film(video: Video, heats: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
    """Each frame, beside it the same with each kind of heat, and below what each is called."""
    names = named(video.height, max(video.width, _NARROWEST), ["frame", *heats])
    for index in progress(range(video.count), f"attention of {video.name}", "frame"):
        frame = video.frame(index)
        maps = (heated(frame, heat[index]) for heat in heats.values())
        yield np.vstack([np.hstack([widened(one) for one in (frame, *maps)]), names])


def widened(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) with black at its sides if there is no room for a name below it."""
    room = max(0, _NARROWEST - picture.shape[1])
    return np.pad(picture, ((0, 0), (room // 2, room - room // 2), (0, 0)))


def named(height: int, width: int, names: Sequence[str]) -> np.ndarray:
    """A strip (h, names · width, 3) uint8 with a name below each of some frames of this size."""
    tall = 2 * max(8, round(height / 28))
    strip = Image.new("RGB", (width * len(names), tall), "black")
    pen = ImageDraw.Draw(strip)
    size = 0.7 * tall
    longest = max(pen.textlength(name, ImageFont.load_default(size)) for name in names)
    font = ImageFont.load_default(size * min(1, 0.96 * width / longest))
    for place, name in enumerate(names):
        pen.text(((place + 0.5) * width, tall / 2), name, "white", font, anchor="mm")
    return np.asarray(strip)


def _strongest(
    video: Video,
    masks: Path,
    tokens: Mapping[int, tuple[int, int]],
    keys: Sequence[int],
    attention_path: str | Path,
) -> list[Row]:
    """For each object its mask and token, and the token's attention over the key frames."""
    grid = token_grid(attention_path)
    rows: list[Row] = []
    for one, (frame, token) in sorted(tokens.items())[:MOST_OBJECTS]:
        (row,) = token_rows(attention_path, [(frame, token)], keys)
        own = object_ids(masks, frame)
        shown = coloured(video.frame(frame), np.where(own == one, own, 0).astype(np.uint8))
        pictures = [ringed(shown, token, grid), *_heated_row(video, row, keys)]
        rows.append((f"object {one}\nframe {frame}", pictures))
    return rows


def _heated_row(video: Video, row: np.ndarray, frames: Sequence[int]) -> list[np.ndarray]:
    """A row of attention (frames, h, w) over some of its frames, on one scale."""
    heat = as_heat(row, 0, 99.5)
    return [heated(video.frame(frames[place]), heat[place]) for place in _evenly(len(frames))]


def _evenly(count: int) -> list[int]:
    """At most :data:`MOMENTS` places, evenly apart."""
    return np.unique(np.linspace(0, count - 1, min(count, MOMENTS)).round().astype(int)).tolist()
