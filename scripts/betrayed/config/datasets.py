"""The settings of a data set: where it lies, and which part of it is wanted."""

from typing import Literal

from betrayed.config.knobs import Names, knob, settings

Layout = Literal["folder", "davis", "youtube_vis", "youtube_vos", "movi", "segtrack", "fbms"]


@settings
class DatasetSettings:
    """Where a data set lies and which part of it is wanted.

    ``annotations`` and ``instances`` name folders that hold a folder of PNGs for each video; they
    are looked for under ``root`` first, then from the working directory. In the layout
    ``youtube_vis`` ``annotations`` is the JSON file with the instances of all videos. In the layout
    ``movi`` shards hold their own. In the layout ``fbms`` it is a folder inside each video's.
    """

    layout: Layout = knob(
        "folder",
        "folder (images in folders, video files), davis (JPEGImages, Annotations, ImageSets), "
        "youtube_vis (JPEGImages and a JSON file of instances), youtube_vos (JPEGImages, "
        "Annotations, meta.json), movi (TFRecord shards as released, VideoSAUR's tar shards, or "
        "folders), segtrack (JPEGImages, GroundTruth, ImageSets) or fbms (Trainingset, Testset)",
    )
    root: str = knob("", "the folder that has it")
    annotations: str | None = knob(
        None,
        "A folder of PNG folders with ground truth; null: none. youtube_vis: the JSON file, under "
        "root. fbms: the folder inside each video's.",
    )
    instances: str | None = knob(
        None, "a second truth with one id an object, beside a foreground one"
    )
    split: str | None = knob(
        None,
        "davis: the list under ImageSets (val is 2016/val). youtube_vis: positions in the JSON's "
        'list of videos, "600:900" being 600 to 899, "0:600,900:" or "-300:" (the last 300), or a '
        "text file (.txt) with folders or ids of videos, under root or from here. movi: that of "
        "the shards, validation. segtrack: the list under ImageSets. fbms: Trainingset or Testset. "
        "null: all.",
    )
    videos: Names = knob((), 'names or patterns (bear, "car-*"); empty takes all')
    annotation_kind: Literal["ids", "foreground"] = knob(
        "ids", "ids (0 background, 255 void) or foreground (all but 0 is the object)"
    )
