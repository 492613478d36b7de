"""A data set that the project makes itself: clips with exact masks, from a seed.

They are random stories, as many as wanted, or six fixed ones. These are cut to what the method
must cope with: camera motion in each, animals whose legs move, a full occlusion, an object that
leaves and returns, a clip delivered as a video file, and one whose size is no multiple of a patch.
The same seed gives the same bytes on one machine.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from betrayed.config.synthetic import SyntheticSettings
from betrayed.io.files import whole_folder
from betrayed.io.palette import save_palette_png
from betrayed.io.progress import progress
from betrayed.synthetic.random_stories import random_story
from betrayed.synthetic.rendering import frame_size, render_story
from betrayed.synthetic.stories import STORIES
from betrayed.synthetic.story import Story

README = """\
Synthetic videos with exact masks, drawn by this project's make_dataset.py ({seed}).

videos/       one folder of JPEG frames, or one .mp4, for each clip
annotations/  one folder for each clip: a palette PNG for each frame at the frame's size;
              0 is the background, 1, 2, … the objects, the same number through the whole clip

{lines}
"""


def tell(number: int, settings: SyntheticSettings) -> Story:
    """The story of one clip."""
    if settings.stories == "random":
        return random_story(settings.seed, number)
    return STORIES[number]


def make_dataset(folder: str | Path, settings: SyntheticSettings) -> None:
    """Draw the data set into ``folder``, which appears only when it is whole."""
    with whole_folder(folder) as temporary:
        lines = []
        for number in progress(range(settings.clips), "drawing clips", "clip"):
            story = tell(number, settings)
            height, width = frame_size(story, settings)
            annotations = temporary / "annotations" / story.name
            annotations.mkdir(parents=True)
            frames = []
            for index, (frame, ids) in enumerate(_render(story, number, settings)):
                save_palette_png(annotations / f"{index:05d}.png", ids)
                frames.append(frame)
            videos = temporary / "videos"
            if story.container:
                videos.mkdir(exist_ok=True)
                write_video(videos / f"{story.name}.{story.container}", frames, settings.fps)
            else:
                (videos / story.name).mkdir(parents=True)
                for index, frame in enumerate(frames):
                    Image.fromarray(frame).save(
                        videos / story.name / f"{index:05d}.jpg", quality=95, subsampling=0
                    )
            lines.append(f"{story.name} ({width}x{height}): {story.about}")
        seed = f"{'random stories, ' * (settings.stories == 'random')}seed {settings.seed}"
        text = README.format(seed=seed, lines="\n".join(lines))
        (temporary / "README.txt").write_text(text, encoding="utf-8")


def render_clip(
    number: int, settings: SyntheticSettings
) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    """Draw one clip: for each frame its picture (H, W, 3) uint8 and its ids (H, W) uint8."""
    return _render(tell(number, settings), number, settings)


def _render(
    story: Story, number: int, settings: SyntheticSettings
) -> list[tuple[np.ndarray, np.ndarray]]:
    return render_story(story, settings, (settings.seed, number))


def write_video(path: str | Path, frames: Sequence[np.ndarray], fps: int) -> None:
    """Encode frames (H, W, 3) uint8 of even size as H.264, in bytes that repeat."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.thread_count = 1
        # x264's vectorised macroblock tree does not repeat from process to process: 1 run in 10
        # or so gave other bytes. Without either, all did the same.
        stream.options = {
            "crf": "15",
            "preset": "medium",
            "threads": "1",
            "x264-params": "asm=0:mbtree=0",
        }
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
