"""Odd inputs, one small case a kind, and what happens to each: the page docs/odd-inputs.md.

Each case makes its input in an empty folder and returns what came of it in words. What is refused
shows its message.
"""

import contextlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import yaml
from PIL import Image, ImageFilter
from snakemake.cli import parse_config

from betrayed.config.checks import check
from betrayed.config.command_line import understood
from betrayed.config.datasets import DatasetSettings
from betrayed.config.files import faults_of_files
from betrayed.config.merging import merged
from betrayed.config.scoring import ScoreSettings
from betrayed.datasets.listing import left_out, list_videos
from betrayed.datasets.other_files import in_lines
from betrayed.errors import UserError
from betrayed.io.notes import MARK
from betrayed.io.sound import read_sound
from betrayed.io.video_writing import write_video
from betrayed.objects.blank import is_blank
from betrayed.objects.flow import flow_size
from betrayed.scoring.average_precision import average_precision, match_detections
from betrayed.scoring.folders import find_videos, score_masks, unused
from betrayed.scoring.results import find_tracks, score_tracks
from betrayed.video.annotations import read_annotations
from betrayed.video.extraction import extract
from betrayed.video.fingerprint import fingerprint
from betrayed.video.video import Video
from support.configurations import DEFAULT
from support.dataset_copies import as_lengths, as_text
from support.made_films import KINDS, Film, make_film, overstate, picture
from support.videos_for_tests import (
    cut,
    moving_square,
    tone,
    write_annotations,
    write_frames,
    write_sounding_clip,
)

Case = Callable[[Path], str]
MP4, MKV, AVI = Film(KINDS[0]), Film(KINDS[4]), Film(KINDS[6])
FRAMES, IDS = moving_square(6)


def happens(case: Case, folder: Path) -> str:
    """What happens: the case's own words, or the message, without the folder's place."""
    try:
        return case(folder)
    except UserError as error:
        return f"refused: {str(error).replace(f'{folder}/', '').replace(str(folder), 'films')}"


def read(path: Path, **more) -> str:
    """Extract a video, and say what it is."""
    extract(more.pop("video", "v"), path, path.parents[0] / "out", **more)
    video = Video.load(path.parents[0] / "out" / "frames.json")
    words = [f"{video.count} frame{'s' * (video.count != 1)} of {video.width}x{video.height}"]
    if video.fps:
        words.append(f"{video.fps:.4g} a second{' on average' if video.times else ''}")
    if video.seconds:
        words.append(f"{video.seconds:.3g} s")
    if video.rotation or video.mirrored:
        words.append(f"turned by {video.rotation} degrees{', mirrored' * video.mirrored}")
    if video.pixel_aspect != 1:
        words.append(f"pixels {video.pixel_aspect} as wide as high")
    if video.objects is not None:
        words.append(f"{video.objects} object{'s' * (video.objects != 1)}")
    return ", ".join(words)


def film(**more) -> Case:
    return lambda folder: read(make_film(folder, replace(MP4, **more)))


def frames(name: str, image: Image.Image | None = None, **options) -> Case:
    """Six frames and one more file among them."""

    def case(folder: Path) -> str:
        path = write_frames(folder / "v", FRAMES) / name
        if image is None:
            path.write_bytes(b"")
        else:
            image.save(path, **options)
        return read(folder / "v")

    return case


def images(*values: np.ndarray, suffix: str = ".png") -> Case:
    """A folder of images of these values."""

    def case(folder: Path) -> str:
        (folder / "v").mkdir()
        for index, one in enumerate(values):
            Image.fromarray(one).save(folder / "v" / f"{index}{suffix}")
        said = read(folder / "v")
        first = Video.load(folder / "out" / "frames.json").frame(0)
        return f"{said}, values {first.min()} to {first.max()}"

    return case


def named(*names: str) -> Case:
    """A folder of images of these names."""

    def case(folder: Path) -> str:
        (folder / "v").mkdir()
        for name in names:
            Image.fromarray(FRAMES[0]).save(folder / "v" / f"{name}.png")
        return read(folder / "v")

    return case


def dead_link(folder: Path) -> str:
    (write_frames(folder / "v", FRAMES) / "00006.jpg").symlink_to("nowhere.jpg")
    return read(folder / "v")


def settings(text: str) -> Case:
    """A file of settings of one's own."""

    def case(folder: Path) -> str:
        (folder / "mine.yaml").write_text(text)
        if faults := faults_of_files([folder / "mine.yaml"]):
            raise UserError("\n".join(faults))
        return "read"

    return case


def changed(text: str) -> Case:
    """The project's settings with some changes."""

    def case(_: Path) -> str:
        try:
            check(merged(DEFAULT, yaml.safe_load(text)))
        except UserError as error:
            raise UserError(str(error).splitlines()[-1].removeprefix("  - ")) from error
        return "read"

    return case


def listed(make: Callable[[Path], object]) -> Case:
    """A folder of videos, as listed, and what is left out."""

    def case(folder: Path) -> str:
        make(folder)
        settings = DatasetSettings(root=str(folder))
        words = [
            f"{row['name']}"
            + (f" (in paths {row['video']})" if row["video"] != row["name"] else "")
            for row in list_videos(settings)
        ]
        words += [f"left out: {line}" for line in in_lines(left_out(settings))]
        text = "listed: " + "; ".join(words)
        text = text.replace(f"{folder}/", "").replace(str(folder), "films")
        return text.replace(folder.name, "films")

    return case


def at_home(folder: Path) -> str:
    films("clips/a.mp4", "Pictures/May/1.jpg")(folder)
    before, os.environ["HOME"] = os.environ.get("HOME", ""), str(folder)
    try:
        return listed(lambda _: None)(folder)
    finally:
        os.environ["HOME"] = before


def films(*names: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"x")

    return make


def masks(made: Callable[[np.ndarray], Image.Image], suffix: str = ".png", **more) -> Case:
    """Ground truth that was made of ids in some way."""

    def case(folder: Path) -> str:
        write_frames(folder / "v", FRAMES)
        (folder / "truth").mkdir()
        for index, ids in enumerate(IDS):
            made(ids).save(folder / "truth" / f"{index:05d}{suffix}")
        said = read(folder / "v", annotations=folder / "truth", **more)
        video = Video.load(folder / "out" / "frames.json")
        ids = np.unique(read_annotations(video)[1]).tolist()
        return f"{said}, ids {', '.join(map(str, ids))}"

    return case


def scored(made: Callable[[np.ndarray], Image.Image], kind: str, protocol: str) -> Case:
    """Masks that were made of the truth in some way, scored."""

    def case(folder: Path) -> str:
        write_annotations(folder / "truth" / "v", IDS)
        (folder / "masks" / "v").mkdir(parents=True)
        for index, ids in enumerate(IDS):
            made(ids).save(folder / "masks" / "v" / f"{index:05d}.png")
        places = folder / "truth", folder / "masks"
        (video,) = find_videos(*places, ScoreSettings((protocol,)), kind=kind)
        table = score_masks(video).table
        row = table[(table["metric"] == "J_mean") & table["object"].isna()]
        return f"J {row['value'].item():.3f}"

    return case


def results(change: Callable[[dict, list], object]) -> Case:
    """Results of YouTube-VIS that find all, after a change of truth or results."""

    def case(folder: Path) -> str:
        names = [f"v/{index}.jpg" for index in range(6)]
        truth = {
            "videos": [{"id": 1, "height": 48, "width": 64, "file_names": names}],
            "annotations": [{"video_id": 1, "segmentations": [as_text(ids) for ids in IDS]}],
        }
        found = [{"video_id": 1, "score": 0.9, "segmentations": [as_lengths(ids) for ids in IDS]}]
        change(truth, found)
        for name, content in (("truth", truth), ("results", found)):
            (folder / f"{name}.json").write_text(json.dumps(content))
        places = folder / "truth.json", folder / "results.json"
        (video,) = find_tracks(*places, ScoreSettings(("youtube-vis",)))
        scores = score_tracks(video)
        figures = average_precision([match_detections(scores.detections)])
        return f"objects: {scores.objects}, AP {figures['AP']:.3f}"

    return case


def in_crowd(truth: dict, found: list) -> None:
    """A crowd in a corner, and a better track that lies in it."""
    corner = np.zeros((48, 64), np.uint8)
    corner[:9, :9] = 1
    masks = [as_text(corner)] * 6
    truth["annotations"].append({"video_id": 1, "segmentations": masks, "iscrowd": 1})
    found.append({"video_id": 1, "score": 1.0, "segmentations": masks})


def some_annotated(folder: Path) -> str:
    write_frames(folder / "v", FRAMES)
    write_annotations(folder / "truth", IDS[:2])
    return read(folder / "v", annotations=folder / "truth")


def copies(folder: Path) -> str:
    """Masks beside which lie a copy, one of a frame without truth, and a text."""
    write_annotations(folder / "truth" / "v", IDS[:5])
    write_annotations(folder / "masks" / "v", IDS)
    for name in ("00000 (1).png", "notes.txt"):
        (folder / "masks" / "v" / name).write_bytes(b"x")
    places = folder / "truth", folder / "masks"
    videos = find_videos(*places, ScoreSettings(("davis2016",)), kind="ids")
    return "; ".join(unused(videos)).replace(f"{folder}/", "")


def typed(*words: str) -> Case:
    """Settings behind --config, as they are understood."""
    return lambda _: json.dumps(understood(parse_config(words)))


def animated(suffix: str) -> Case:
    def case(folder: Path) -> str:
        return read(save_animation(folder / f"film{suffix}"))

    return case


def save_animation(path: Path) -> Path:
    """The frames as one image file: an animation, or a stack of pages."""
    first, *rest = map(Image.fromarray, FRAMES)
    first.save(path, save_all=True, append_images=rest, duration=100)
    return path


def animations(folder: Path) -> None:
    for name in ("a.png", "b.avif", "c.webp", "d.tif"):
        save_animation(folder / name)


def odd_suffixes(folder: Path) -> None:
    films("v.mp4", "v.zip", "song.mp3", "w.mp4.part")(folder)
    make_film(folder, MKV).rename(folder / "GOPR0001")


def grey(ids: np.ndarray) -> Image.Image:
    return Image.fromarray(ids)


def sorted_palette(ids: np.ndarray) -> Image.Image:
    """The object first and the background behind it, as sorted by how they are seen."""
    image = Image.fromarray(1 - ids)
    image.putpalette(bytes((128, 0, 0, 0, 0, 0)))
    return image


def white(ids: np.ndarray) -> Image.Image:
    return Image.fromarray(ids * np.uint8(255))


def soft(ids: np.ndarray) -> Image.Image:
    return white(ids).filter(ImageFilter.GaussianBlur(1))


def damaged(share: float, kind: Film) -> Case:
    return lambda folder: read(cut(make_film(folder, replace(kind, count=12)), share))


def between_packets(folder: Path) -> str:
    path = make_film(folder, replace(Film(KINDS[10]), count=14))
    data = path.read_bytes()
    # A packet after its time (4 bytes) and 0x47: 0x41 is that in which a picture begins.
    begins = [place for place in range(0, len(data), 192) if data[place + 5] == 0x41]
    path.write_bytes(data[: begins[9]])
    return f"of 14 frames {read(path)}"


def doubled(kind: Film) -> Case:
    """A film, and the same once more behind it in one file."""

    def case(folder: Path) -> str:
        path = make_film(folder, kind)
        path.write_bytes(2 * path.read_bytes())
        return read(path)

    return case


def with_hole(kind: Film) -> Case:
    """A film of which some bytes are zeros, as of a disk that lost a sector."""

    def case(folder: Path) -> str:
        path = make_film(folder, replace(kind, count=12))
        data = bytearray(path.read_bytes())
        start = len(data) * 3 // 4
        data[start : start + 300] = bytes(300)
        path.write_bytes(data)
        return read(path)

    return case


def patched_jpeg(folder: Path) -> str:
    """A JPEG of which a part is missing and the end is there: decoders fill it up with grey."""
    path = write_frames(folder / "v", FRAMES) / "00003.jpg"
    data = path.read_bytes()
    path.write_bytes(data[: -len(data) // 4] + b"\xff\xd9")
    return read(folder / "v")


def overstated(folder: Path) -> str:
    path = make_film(folder, AVI)
    overstate(path, 20)
    return f"declared 20; {read(path)}"


def empty_chunks(folder: Path) -> str:
    path = folder / "film.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj444p"
        for index, place in enumerate((0, 1, 2, 5, 6, 9)):
            frame = av.VideoFrame.from_ndarray(picture(AVI, index), format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return read(path)


def overlay(folder: Path) -> str:
    made = replace(MKV, stamps=(0, 10, 20, 500, 1200, 4000), rate=Fraction(50))
    said = read(make_film(folder, made))
    video = Video.load(folder / "out" / "frames.json")
    pictures = [video.frame(index) for index in range(video.count)]
    path = folder / "overlay.mp4"
    write_video(path, pictures, video.fps, video.times, video.seconds, video.pixel_aspect)
    with av.open(str(path)) as container:
        return f"{said}; overlay of {container.duration / 1e6:.3g} s"


def coded(suffix: str, codec: str, pixels: str, transfer: int = 1, **options: str) -> Case:
    """A film of this coding, half of it transparent where it can be, and what is said of it."""

    def case(folder: Path) -> str:
        path = folder / f"film{suffix}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=10)
            stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
            stream.options = options
            stream.codec_context.color_trc = transfer
            for index, picture in enumerate(FRAMES):
                opaque = np.full((48, 64, 1), 255, np.uint8)
                opaque[:, :32] = 0
                values = np.dstack([picture, opaque])
                frame = av.VideoFrame.from_ndarray(values, format="rgba").reformat(format=pixels)
                frame.pts, frame.time_base = index, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        heard = io.StringIO()
        with contextlib.redirect_stderr(heard):
            said = read(path)
        notes = [one.removeprefix(MARK) for one in heard.getvalue().splitlines()]
        return "; ".join([said, *(one.replace(f"{folder}/", "") for one in notes)])

    return case


def untimed_gif(folder: Path) -> str:
    """As Pillow saves one without ``duration``."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), np.uint8)
    first, *more = map(Image.fromarray, noise)
    first.save(folder / "film.gif", save_all=True, append_images=more)
    return read(folder / "film.gif")


def long_sound(folder: Path) -> str:
    path = write_sounding_clip(folder / "film.mp4", FRAMES, sound=tone(2.0))
    said = read(path)
    video = Video.load(folder / "out" / "frames.json")
    pictures = [video.frame(index) for index in range(video.count)]
    write_video(folder / "overlay.mp4", pictures, video.fps, sound=read_sound(path)[0])
    with av.open(str(folder / "overlay.mp4")) as container:
        lengths = [float(one.duration * one.time_base) for one in container.streams]
    return f"{said}; overlay of {lengths[0]:.2g} s with {lengths[1]:.2g} s of sound"


def no_frames(folder: Path) -> str:
    films("v/deep/a.mp4")(folder)
    return read(folder / "v")


def touched(folder: Path) -> str:
    row = {"video": "v", "source": str(write_frames(folder / "v", FRAMES))}
    before = fingerprint(row)
    (folder / "v" / ".DS_Store").touch()
    os.utime(folder / "v" / "00000.jpg")
    said = "the same video" if fingerprint(row) == before else "another video"
    (folder / "v" / "00000.jpg").write_bytes((folder / "v" / "00001.jpg").read_bytes())
    after = "the same video" if fingerprint(row) == before else "another video"
    return f"touched, and with litter: {said}; a frame overwritten in place: {after}"


def blank(value: int) -> Case:
    frame = np.full((48, 64, 3), value, np.uint8)
    return lambda folder: "no object" if is_blank(lambda _: frame, 6) else "objects are looked for"


def bounded(height: int, width: int) -> Case:
    rows, columns = flow_size((height, width), 240)
    return lambda folder: f"motion is measured at {columns}x{rows}"


def wide(folder: Path) -> str:
    values = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)
    return images(values, values)(folder)


CASES: dict[str, dict[str, Case]] = {
    "Films": {
        f"a film of the kind {kind[0]} ({kind[1]})": (
            lambda folder, kind=kind: read(make_film(folder, Film(kind)))
        )
        for kind in KINDS
    }
    | {
        "MP4 whose edit list hides two of six frames": film(hidden=2),
        "AVI of which four of ten chunks are empty": empty_chunks,
        "AVI whose head declares more frames": overstated,
        "a cover picture before the film": film(cover=True),
        "sound before the film": film(sound=True),
        "a small film before the film": film(second=True),
        "a film on its side": film(rotation=90),
        "a film that is mirrored": film(mirrored=True),
        "pixels that are not square": film(aspect=Fraction(2)),
        "frames that do not come evenly": overlay,
        "one pixel": film(height=1, width=1),
        "one frame": film(count=1),
        "a height and a width that are odd": film(height=47, width=63),
        "a length that the file does not tell": lambda folder: read(
            make_film(folder, replace(MKV, live=True))
        ),
        "2 s of sound and 0.6 s of pictures": long_sound,
        "10 bits a channel": coded(".mkv", "libx264", "yuv420p10le"),
        "10 bits, HDR": coded(".mkv", "libx264", "yuv420p10le", transfer=16),
        "an animated PNG": animated(".png"),
        "an animated AVIF": animated(".avif"),
        "a GIF whose pictures have no times": untimed_gif,
        "alpha": coded(".mov", "qtrle", "argb"),
        "interlaced": coded(".m2ts", "mpeg2video", "yuv420p", flags="+ildct+ilme"),
        "a film cut in its last tenth, MP4": damaged(0.93, MP4),
        "the same, MKV": damaged(0.93, MKV),
        "the same, AVI": damaged(0.93, AVI),
        "the same, GIF": damaged(0.93, Film(KINDS[8])),
        "the same, MPEG": damaged(0.93, Film(KINDS[9])),
        "the same, M2TS": damaged(0.93, Film(KINDS[10])),
        "the same, FLV": damaged(0.93, Film(KINDS[11])),
        "the same, Y4M": damaged(0.93, Film(KINDS[12])),
        "the same, APNG": damaged(0.93, Film(KINDS[14])),
        "the same, IVF": damaged(0.93, Film(KINDS[15])),
        "an MKV that was written as a live stream, cut": damaged(0.9, replace(MKV, live=True)),
        "an M2TS that was cut between two packets": between_packets,
        "an MKV with a hole": with_hole(MKV),
        "an AVI of JPEGs with a hole": with_hole(Film(KINDS[7])),
        "two MP4 one behind the other in one file": doubled(MP4),
        "two MKV one behind the other in one file": doubled(MKV),
        "an empty file": lambda folder: (films("a.mp4")(folder), read(cut(folder / "a.mp4", 0)))[1],
        "a text that is called a film": lambda folder: (
            (folder / "a.mp4").write_text("no film" * 99),
            read(folder / "a.mp4"),
        )[1],
    },
    "Frames as images": {
        "litter among the frames": frames(".DS_Store"),
        "a screenshot with a date in its name": frames(
            "Screenshot_20241126123456.png", Image.fromarray(FRAMES[0])
        ),
        "an image without a number": frames("cover.png", Image.fromarray(FRAMES[0])),
        "names that are times": named(
            *(f"2024-11-26T12-34-{second}" for second in ("56.100", "56.200", "57.000"))
        ),
        "numbers with a gap": named("0", "1", "3"),
        "one number for two images": named("1", "1 (1)"),
        "a link that leads nowhere": dead_link,
        "an image that is empty": frames("00006.jpg"),
        "a JPEG of which a part is missing, but not the end": patched_jpeg,
        "pictures of a phone that are not read": listed(films("v/0.heic", "w/0.jpg")),
        "an image of another size": frames("00006.jpg", Image.new("RGB", (8, 8))),
        "grey of 16 bits": wide,
        "floating point from 0 to 1": images(
            np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(48, 0), suffix=".tif"
        ),
        "12 bits in files of 16, the first frame dark": images(
            *(
                np.linspace(0, most, 64)[None].repeat(48, 0).astype(np.uint16)
                for most in (819, 4095)
            )
        ),
        "black and white, a bit a pixel": images(np.arange(64)[None].repeat(48, 0) > 31),
        "floating point from 0 to 255": images(
            np.linspace(0, 255, 64, dtype=np.float32)[None].repeat(48, 0), suffix=".tif"
        ),
        "floating point from 0 to 4095": images(
            np.linspace(0, 4095, 64, dtype=np.float32)[None].repeat(48, 0), suffix=".tif"
        ),
        "a folder without images, with videos deeper": no_frames,
        "a folder that is touched": touched,
    },
    "Names and folders": {
        "names with spaces, brackets, braces, quotes, percent signs": listed(
            films("my clip (1).mp4", "a{b}.mp4", "it's.mp4", "100%.mp4")
        ),
        "names that begin with a dash, or are not English": listed(
            films("-x.mp4", "日本.mp4", "äöü.mp4")
        ),
        "a video called all": listed(films("all.mp4")),
        "litter of systems and archives": listed(
            films("v.mp4", "@eaDir/a.mp4", "__MACOSX/a.mp4", "._v.mp4", "Thumbs.db", "desktop.ini")
        ),
        "files that are no videos": listed(films("v.mp4", "notes.txt", "cover.jpg")),
        "films, archives and sound under other names": listed(odd_suffixes),
        "animations and stacks of images": listed(animations),
        "many images beside a film": listed(
            films("v.mp4", *(f"{index:03d}.jpg" for index in range(60)))
        ),
        "two videos of one name": listed(films("a.mp4", "a.avi", "b.mov", "b/0.jpg")),
        "videos that lie deeper": listed(films("2024/may/a.mp4")),
        "a whole home folder": at_home,
        "frames that lie in the folder itself": listed(films("0.jpg", "1.jpg")),
        "links to themselves, and to nowhere": listed(
            lambda folder: (
                films("v.mp4")(folder),
                (folder / "loop").symlink_to("loop"),
                (folder / "gone.mp4").symlink_to("nowhere"),
            )
        ),
    },
    "Ground truth": {
        "palette or grey PNGs": masks(grey),
        "a palette that a program has sorted": masks(sorted_palette),
        "JPEG": masks(white, ".jpg"),
        "0 and 255 as ids": masks(white),
        "0 and 255 as a foreground": masks(white, annotation_kind="foreground"),
        "soft outlines": masks(soft, annotation_kind="foreground"),
        "grey with alpha, as bear/00077.png of DAVIS-2016 is said to be": masks(
            lambda ids: grey(ids).convert("LA")
        ),
        "grey saved in colour": masks(lambda ids: grey(ids).convert("RGB")),
        "pictures in colour": masks(
            lambda ids: Image.fromarray(ids[..., None] * np.array([128, 0, 0], np.uint8))
        ),
        "floating point": masks(lambda ids: Image.fromarray(ids.astype(np.float32)), ".tif"),
        "ids of 16 bits beyond 255": masks(
            lambda ids: Image.fromarray(ids.astype(np.uint16) * 300)
        ),
        "no object anywhere": masks(lambda ids: grey(ids * 0)),
        "truth of two frames of six": some_annotated,
    },
    "Masks to be scored": {
        "the truth itself": scored(grey, "ids", "davis2017-sequence"),
        "a foreground": scored(white, "ids", "davis2016"),
        "a map of probabilities": scored(soft, "ids", "davis2016"),
        "0 and 255 as ids of masks": scored(white, "ids", "davis2017-sequence"),
        "copies, masks of frames without truth, other files": copies,
        "results that find all": results(lambda truth, found: None),
        "results of another video": results(lambda truth, found: found[0].update(video_id=9)),
        "truth with an object listed twice": results(
            lambda truth, found: truth.update(
                annotations=[truth["annotations"][0] | {"id": 1} for _ in range(2)]
            )
        ),
        "truth with a video listed twice": results(
            lambda truth, found: truth["videos"].append(truth["videos"][0])
        ),
        "truth with two videos in one folder": results(
            lambda truth, found: truth["videos"].append(truth["videos"][0] | {"id": 2})
        ),
        "truth whose iscrowd is a word": results(
            lambda truth, found: truth["annotations"][0].update(iscrowd="0")
        ),
        "truth whose height is no whole number": results(
            lambda truth, found: truth["videos"][0].update(height=48.0)
        ),
        "a score without an end": results(lambda truth, found: found[0].update(score=10**400)),
        "truth of a video that is not listed": results(
            lambda truth, found: truth["annotations"][0].update(video_id=9)
        ),
        "truth whose frames lie deeper, or behind backslashes": results(
            lambda truth, found: truth["videos"][0].update(
                file_names=[f"train\\v\\{index}.jpg" for index in range(6)]
            )
        ),
        "results with a damaged mask": results(
            lambda truth, found: found[0]["segmentations"][1].update(counts="!")
        ),
        "truth with a damaged mask": results(
            lambda truth, found: truth["annotations"][0]["segmentations"][1].update(counts="")
        ),
        "a track in a crowd (iscrowd), ranked before one that finds all": results(in_crowd),
    },
    "Settings": {
        "a key given twice": settings("training:\n  steps: 20\n  steps: 40\n"),
        "typed: true, a number without a point, null": typed(
            "pictures={draw: true}", "training={learning_rate: 1e-4}", "batch_size=null"
        ),
        "a whole number with an exponent": changed("training: {steps: 1e5}"),
        "a number with a point for a whole one": changed("training: {steps: '2.5'}"),
        "a list that holds itself": settings("evaluate: &all [*all]\n"),
        "a number of base 8": settings("training: {steps: 010}\n"),
        "yes and no, a byte order mark, lines of Windows": settings(
            "\ufeffpictures:\r\n  draw: yes\r\n  sound: no\r\n"
        ),
    },
    "What is found": {
        "a film that is black": blank(0),
        "a film that is white": blank(255),
        "frames of 4 pixels by 600": bounded(600, 4),
        "frames of 600 pixels by 4": bounded(4, 600),
    },
}
