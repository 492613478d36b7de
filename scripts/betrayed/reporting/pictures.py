"""Pictures of what was found in a video: an overlay video and a contact sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from betrayed.clustering.tracks import Tracks, read_tracks
from betrayed.errors import UserError
from betrayed.io.files import whole_file
from betrayed.io.palette import davis_palette, read_ids
from betrayed.io.progress import progress
from betrayed.io.video_writing import write_video
from betrayed.video.annotations import read_annotation
from betrayed.video.video import Video

COLOURS = np.frombuffer(davis_palette(), np.uint8).reshape(256, 3)
OTHER = 255  # the colour of foreground tracks that are no proposal
BLEND = 0.5  # how much of an object's colour covers it
USUAL_FPS = 24  # of folders of images, which have none of their own
SHEET_FRAMES = 6
CELL = 240, 360  # pixels, the most that a frame has in width and height
MARGIN = 72  # pixels, for the rows' titles


@dataclass(frozen=True)
class VideoResults:
    """What was found in a video, as the stages before left it.

    Attributes:
        video: its frames, and the truth if there is one.
        folder: the folder of masks.
        tracks: labels on the grid of tokens.
    """

    video: Video
    folder: Path
    tracks: Tracks

    def object_ids(self, index: int) -> np.ndarray:
        """Ids of the foreground proposals in one frame, (H, W) uint8, 0 elsewhere."""
        proposals = read_ids(self.folder / "proposals" / f"{index:05d}.png")
        foreground = read_ids(self.folder / "foreground" / f"{index:05d}.png") > 0
        return np.where(foreground, np.where(proposals > 0, proposals, OTHER), 0).astype(np.uint8)

    def track_ids(self, index: int) -> np.ndarray:
        """A colour for the track of every token of one frame, each a rectangle, (H, W) uint8."""
        grid = (1 + self.tracks.labels[index] % (OTHER - 1)).astype(np.uint8)  # (h, w)
        size = (self.video.width, self.video.height)
        return cv2.resize(grid, size, interpolation=cv2.INTER_NEAREST)


def draw_pictures(
    frames_path: str | Path, objects_path: str | Path, tracks_path: str | Path, folder: str | Path
) -> None:
    """Write ``overlay.mp4`` and ``sheet.png`` of a video.

    Args:
        frames_path: its ``frames.json``.
        objects_path: ``objects.csv`` in its folder of masks.
        tracks_path: its tracks artefact.
        folder: where to write.

    Raises:
        UserError: the frames, masks and tracks are not of one video.
    """
    video, tracks = Video.load(frames_path), read_tracks(tracks_path)
    results = VideoResults(video, Path(objects_path).parent, tracks)
    masks = len(list((results.folder / "proposals").glob("*.png")))
    if not video.count == masks == len(tracks.labels):
        raise UserError(
            f"{frames_path} has {video.count} frames, {results.folder} masks of {masks} and "
            f"{tracks_path} tracks in {len(tracks.labels)}. Delete the latter two and run the "
            "workflow again."
        )
    indices = progress(range(video.count), f"pictures {tracks.made_by.get('video', '')}", "frame")
    overlays = (overlay(video.frame(i), results.object_ids(i)) for i in indices)
    write_video(
        Path(folder) / "overlay.mp4",
        overlays,
        video.fps or USUAL_FPS,
        video.times,
        video.seconds,
        video.pixel_aspect,
    )
    with whole_file(Path(folder) / "sheet.png") as temporary:
        contact_sheet(results).save(temporary)


def overlay(frame: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 with the ids (H, W) above 0 in their colours and outlined."""
    covered = (ids > 0)[..., None]
    mixed = (1 - BLEND) * frame + BLEND * COLOURS[ids]
    picture = np.where(covered, mixed.round().astype(np.uint8), frame)
    square = np.ones((3, 3), np.uint8)
    outline = cv2.dilate(ids, square) != cv2.erode(ids, square)
    picture[outline] = 255
    return picture


def contact_sheet(results: VideoResults) -> Image.Image:
    """Some frames side by side; below each the truth if there is one, the objects, all tracks.

    The video's name stands above, as people call it.
    """
    video = results.video
    chosen = np.unique(np.linspace(0, video.count - 1, SHEET_FRAMES).round().astype(int)).tolist()
    frames = {i: video.frame(i) for i in chosen}
    truth = {i: read_annotation(video, i) for i in chosen}
    rows = {"frame": [frames[i] for i in chosen]}
    if any(ids is not None for ids in truth.values()):
        rows["truth"] = [
            frames[i] if truth[i] is None else overlay(frames[i], truth[i].astype(np.uint8))
            for i in chosen
        ]
    rows["objects"] = [overlay(frames[i], results.object_ids(i)) for i in chosen]
    rows["all tracks"] = [overlay(frames[i], results.track_ids(i)) for i in chosen]
    return _table(video.title, rows, [f"{i}" for i in chosen], cell_size(video))


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
    draw.text((4, line / 2), _printable(name), "black", font, anchor="lm")
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


def _printable(name: str) -> str:
    """A name in one line; letters that the font lacks are drawn as boxes."""
    return " ".join(name.split())
