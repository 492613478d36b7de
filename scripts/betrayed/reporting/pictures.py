"""Pictures of what was found in a video: an overlay video and a contact sheet."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from betrayed.clustering.tracks import Tracks, read_tracks
from betrayed.config.pictures import PictureSettings
from betrayed.errors import UserError
from betrayed.io.display import USUAL_FPS
from betrayed.io.files import whole_file
from betrayed.io.films import comes_from_film
from betrayed.io.lettering import font as lettering
from betrayed.io.lettering import has_letters
from betrayed.io.mask_levels import mask_ids
from betrayed.io.notes import note
from betrayed.io.progress import progress
from betrayed.io.sound import Sound, read_sound
from betrayed.io.style import colour_table
from betrayed.io.video_writing import write_video
from betrayed.video.annotations import of_single_objects, read_annotation
from betrayed.video.video import Video

#: Those of the report and of all figures; the PNGs of masks have DAVIS's palette.
COLOURS = colour_table()
OTHER = 255  # the colour of foreground that is no proposal, or one too many
SHEET_FRAMES = 6
CELL = 240, 360  # pixels, the most that a frame has in width and height
MARGIN = 72  # pixels, for the rows' titles
_WORDS = 64  # pixels that a column has at least where more than a number stands above it


@dataclass(frozen=True)
class VideoResults:
    """What was found in a video, as the stages before left it.

    Attributes:
        video: its frames, and the truth if there is one.
        folder: the folder of masks.
        tracks: labels on the grid of tokens; None: it has none, as a film in pieces.
        settings: how it is shown.
    """

    video: Video
    folder: Path
    tracks: Tracks | None
    settings: PictureSettings = field(default_factory=PictureSettings)

    def object_ids(self, index: int) -> np.ndarray:
        """Ids of the objects in one frame, (H, W) uint8, 0 elsewhere: a number is a colour."""
        own = self.settings
        ids = mask_ids(self.folder, index, own.level, own.most_objects, OTHER)
        if ids.shape != (self.video.height, self.video.width):
            raise UserError(
                f"The masks of frame {index} in {self.folder} are {ids.shape[1]}x{ids.shape[0]}, "
                f"but the frames of {self.video.name!r} are {self.video.width}x"
                f"{self.video.height}. Delete {self.folder} and run the workflow again."
            )
        return ids

    def track_ids(self, index: int) -> np.ndarray:
        """A colour for the track of every token of one frame, each a rectangle, (H, W) uint8."""
        grid = (1 + self.tracks.labels[index] % (OTHER - 1)).astype(np.uint8)  # (h, w)
        size = (self.video.width, self.video.height)
        return cv2.resize(grid, size, interpolation=cv2.INTER_NEAREST)

    def overlay(self, frame: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """A frame (H, W, 3) uint8 with ids over it, in the style that is wanted."""
        return overlay(frame, ids, self.settings.style, self.settings.opacity)


def draw_pictures(
    frames_path: str | Path,
    objects_path: str | Path,
    tracks_path: str | Path | None,
    folder: str | Path,
    settings: PictureSettings | None = None,
) -> None:
    """Write ``overlay.mp4`` and ``sheet.png`` of a video.

    The overlay has the video's size, and where the video is a film the times of its pictures and
    its sound.

    Args:
        frames_path: its ``frames.json``.
        objects_path: ``objects.csv`` in its folder of masks.
        tracks_path: its tracks artefact; None: it has none.
        folder: where to write.
        settings: how they look.

    Raises:
        UserError: what was found has another number of frames than the video.
    """
    video = Video.load(frames_path)
    tracks = read_tracks(tracks_path) if tracks_path else None
    results = VideoResults(video, Path(objects_path).parent, tracks, settings or PictureSettings())
    masks = len(list((results.folder / "proposals").glob("*.png")))
    if video.count != masks:
        raise UserError(
            f"{frames_path} has {video.count} frames, but {results.folder} masks of {masks}. "
            "Delete the latter and run the workflow again."
        )
    if tracks and len(tracks.labels) != video.count:
        raise UserError(
            f"{frames_path} has {video.count} frames, but {tracks_path} tracks in "
            f"{len(tracks.labels)}. Delete the latter and run the workflow again."
        )
    indices = progress(range(video.count), f"pictures {video.name}", "frame")
    overlays = (results.overlay(video.frame(i), results.object_ids(i)) for i in indices)
    sound = _sound_of(video) if results.settings.sound else None
    write_video(
        Path(folder) / "overlay.mp4",
        overlays,
        video.fps or USUAL_FPS,
        video.times,
        video.seconds,
        video.pixel_aspect,
        sound,
    )
    with whole_file(Path(folder) / "sheet.png") as temporary:
        contact_sheet(results).save(temporary)


def overlay(frame: np.ndarray, ids: np.ndarray, style: str, opacity: float) -> np.ndarray:
    """A frame with objects in their colours.

    Args:
        frame: (H, W, 3) uint8.
        ids: (H, W) uint8; those above 0 are objects.
        style: fill: the colour over the object. outline: a line of its colour around the object.
            both: the fill, and a white line.
        opacity: of the fill, 0 … 1.

    Returns:
        (H, W, 3) uint8.
    """
    result = frame.copy()
    # So many pixels on each side of an edge; a larger film has wider lines.
    width = max(1, round(min(ids.shape) / 360))
    left, top, columns, rows = cv2.boundingRect(ids)
    if not columns:
        return result
    near = (
        slice(max(0, top - width), top + rows + width),
        slice(max(0, left - width), left + columns + width),
    )
    picture, ids = result[near], np.ascontiguousarray(ids[near])
    if style in ("fill", "both"):
        colours = cv2.LUT(cv2.merge([ids] * 3), COLOURS.reshape(1, 256, 3))
        mixed = cv2.addWeighted(picture, 1 - opacity, colours, opacity, 0)
        cv2.copyTo(mixed, ids, picture)
    if style == "fill":
        return result
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    highest, lowest = cv2.dilate(ids, square), cv2.erode(ids, square)
    line = highest != lowest
    picture[line] = 255 if style == "both" else COLOURS[np.where(ids > 0, ids, highest)[line]]
    return result


def contact_sheet(results: VideoResults) -> Image.Image:
    """Some frames side by side; below each the truth if there is one, the objects, all tracks.

    The video's name stands above, as people call it; see :func:`_printable`.
    """
    video = results.video
    chosen = np.unique(np.linspace(0, video.count - 1, SHEET_FRAMES).round().astype(int)).tolist()
    frames = {i: video.frame(i) for i in chosen}
    # The truth of what is shown: where that is the foreground, all objects merged.
    which = "annotations" if results.settings.level == "foreground" else of_single_objects(video)
    truth = {i: read_annotation(video, i, which) for i in chosen}
    rows = {"frame": [frames[i] for i in chosen]}
    if any(ids is not None for ids in truth.values()):
        rows["truth"] = [
            frames[i] if truth[i] is None else results.overlay(frames[i], truth[i].astype(np.uint8))
            for i in chosen
        ]
    title = results.settings.level
    rows[title] = [results.overlay(frames[i], results.object_ids(i)) for i in chosen]
    if results.tracks is not None:
        rows["all tracks"] = [results.overlay(frames[i], results.track_ids(i)) for i in chosen]
    cell = cell_size(video)
    heads = [f"frame {i}" if cell[0] >= _WORDS else f"{i}" for i in chosen]
    return _table(_printable(video.title, video.name), rows, heads, cell)


def _sound_of(video: Video) -> Sound | None:
    """The sound of a video's film; where it cannot be used that is said."""
    sound, fault = read_sound(video.source) if comes_from_film(video.source) else (None, None)
    if fault is not None:
        note(f"The overlay of {video.name!r} is without the sound of {video.source}: {fault}.")
    if sound is not None and video.film is not None:
        # The part of the film that the pictures are of.
        begin, end = video.film.start, video.film.end
        end = None if end is None else sound.start + end
        sound = replace(sound, start=sound.start + begin, end=end)
    return sound


def cell_size(video: Video) -> tuple[int, int]:
    """Width and height of a frame on the sheet, as it is displayed; within :data:`CELL`."""
    width = video.width * float(video.pixel_aspect)
    scale = min(CELL[0] / width, CELL[1] / video.height)
    return max(1, round(width * scale)), max(1, round(video.height * scale))


def _table(
    name: str,
    rows: dict[str, Sequence[np.ndarray]],
    heads: Sequence[str],
    cell: tuple[int, int],
) -> Image.Image:
    """Pictures in rows with a title each, under column heads, and over all a name."""
    gap, line = 4, 20
    width = MARGIN + len(heads) * (max(cell[0], line) + gap)
    head_lines = 2 * line
    sheet = Image.new("RGB", (width, head_lines + len(rows) * (cell[1] + gap)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    draw.text((4, line / 2), name, "black", lettering(13), anchor="lm")
    lefts = [MARGIN + column * (max(cell[0], line) + gap) for column in range(len(heads))]
    for left, head in zip(lefts, heads, strict=True):
        draw.text((left + cell[0] / 2, 1.5 * line), head, "black", font, anchor="mm")
    for row, (title, pictures) in enumerate(rows.items()):
        top = head_lines + row * (cell[1] + gap)
        draw.text((4, top + cell[1] / 2), title, "black", font, anchor="lm")
        for left, picture in zip(lefts, pictures, strict=True):
            small = cv2.resize(picture, cell, interpolation=cv2.INTER_AREA)
            sheet.paste(Image.fromarray(small), (left, top))
    return sheet


def _printable(name: str, identifier: str) -> str:
    """A name in one line, or what it is in paths where the font lacks letters of it."""
    # Names from a Mac have their accents apart.
    line = unicodedata.normalize("NFC", " ".join(name.split()))
    return line if has_letters(line) else identifier
