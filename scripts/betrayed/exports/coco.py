"""Masks as COCO JSON with the track of every annotation, as CVAT and FiftyOne read it."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pycocotools import mask as coco

from betrayed.engine.parallel import in_parallel
from betrayed.exports.run_lengths import CATEGORY, encode_ids
from betrayed.exports.videos import MaskedVideo
from betrayed.io.files import whole_folder

Json = dict[str, Any]


def export_coco(videos: Sequence[MaskedVideo], folder: str | Path, workers: int = 1) -> None:
    """Write ``folder/videos/{video}.json`` for each video, and ``folder/all.json`` for all.

    Both are instances of the COCO data set's form, with run lengths as text. Beside that form's own
    keys an annotation has ``track_id``, one number for an object in all frames of its video,
    ``score``, and ``attributes`` by which CVAT makes one track of them. In a video's own file
    frames go by their plain names and tracks by the numbers of the masks; in that of all videos
    names begin with the video's, and tracks of different videos have different numbers.

    Args:
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes that read and encode videos side by side.

    Raises:
        UserError: a mask or a table of objects is missing or damaged; it is named.
    """
    whole = _empty(videos[0].level if videos else "objects")
    tracks = 0
    with whole_folder(folder) as temporary:
        (temporary / "videos").mkdir()
        work = partial(_write_video, folder=temporary / "videos")
        for one in in_parallel(work, videos, workers, "exporting", "video"):
            _append(whole, one, tracks)
            tracks += max((each["track_id"] for each in one["annotations"]), default=0)
        _write(temporary / "all.json", whole)


def instances(video: MaskedVideo) -> Json:
    """The content of one video's file, see :func:`export_coco`."""
    record, masked = video.video, _empty(video.level)
    size = {"width": record.width, "height": record.height}
    masked["videos"] = [{"id": 1, "name": record.name, **size, "length": record.count}]
    for index, ids in enumerate(video.all_ids()):
        name = video.frame_name(index)
        image = {"id": index + 1, "file_name": name, **size, "video_id": 1, "frame_id": index}
        masked["images"].append(image)
        for number, mask in encode_ids(ids).items():
            masked["annotations"].append(
                {
                    "id": len(masked["annotations"]) + 1,
                    "image_id": index + 1,
                    "category_id": CATEGORY,
                    "segmentation": mask,
                    "area": int(coco.area(mask)),
                    "bbox": coco.toBbox(mask).tolist(),
                    "iscrowd": 0,
                    "track_id": number,
                    "score": round(video.scores[number], 6),
                    "attributes": {"track_id": number, "keyframe": True, "occluded": False},
                }
            )
    return masked


def category_name(level: str) -> str:
    """What the one category is called: what an id stands for."""
    return {"parts": "part", "foreground": "foreground"}.get(level, "object")


def _write_video(video: MaskedVideo, folder: Path) -> Json:
    masked = instances(video)
    _write(folder / f"{video.video.name}.json", masked)
    return masked


def _write(path: Path, content: Json) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def _empty(level: str) -> Json:
    category = {"id": CATEGORY, "name": category_name(level), "supercategory": ""}
    return {"videos": [], "images": [], "annotations": [], "categories": [category]}


def _append(whole: Json, one: Json, tracks: int) -> None:
    """Add a video's content to that of all, with numbers and names of its own.

    Args:
        whole: is added to.
        one: a video's; changed.
        tracks: the highest track so far.
    """
    ((video, number),) = [(each["name"], len(whole["videos"]) + 1) for each in one["videos"]]
    first_image, first = len(whole["images"]), len(whole["annotations"])
    whole["videos"].append({**one["videos"][0], "id": number})
    for image in one["images"]:
        image["id"] += first_image
        image["video_id"] = number
        image["file_name"] = f"{video}/{image['file_name']}"
    for each in one["annotations"]:
        each["id"] += first
        each["image_id"] += first_image
        each["track_id"] += tracks
        each["attributes"]["track_id"] = each["track_id"]
    whole["images"] += one["images"]
    whole["annotations"] += one["annotations"]
