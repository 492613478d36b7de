"""What a file among videos is that is none, in words: by its suffix, or by its first bytes."""

from collections.abc import Iterable
from pathlib import Path

from betrayed.io.file_kinds import is_film, is_image
from betrayed.io.several_pictures import REMEDY, several_pictures

_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_SOUNDS = (
    ".mp3",
    ".wav",
    ".flac",
    ".m4a",
    ".aac",
    ".ogg",
    ".opus",
    ".wma",
    ".aif",
    ".aiff",
    ".ac3",
)
_UNFINISHED = (".part", ".crdownload", ".download", ".partial", ".!qb")
#: What films begin with, and a suffix by which they are known.
_BEGINNINGS = (
    (b"\x1a\x45\xdf\xa3", ".mkv"),
    (bytes.fromhex("3026b2758e66cf11"), ".wmv"),
    (b"FLV\x01", ".flv"),
    (b"\0\0\x01\xba", ".mpg"),
    (b"GIF8", ".gif"),
)
#: Brands of ISO/IEC 14496-12 that are pictures or sound.
_NO_FILMS = (
    b"avif",
    b"avis",
    b"heic",
    b"heix",
    b"hevc",
    b"mif1",
    b"msf1",
    b"M4A ",
    b"M4B ",
    b"crx ",
)
_LOOSE = "is an image outside a video's folder"
_MOST_ALONE = 3
_HEAD = 256  # bytes that are looked at


def what_it_is(path: Path) -> str:
    """Why a file is no video here, and what to do: to stand behind its path."""
    suffix = path.suffix.lower()
    if not path.exists():
        return "is a link that leads nowhere"
    if is_film(path):
        return "is no file, but a pipe or the like"
    if is_image(path):
        several = several_pictures(path)
        return f"is {several}, which is no film here: {REMEDY}" if several else _LOOSE
    if suffix in _UNFINISHED:
        return "is a download that was not finished"
    if suffix in _ARCHIVES:
        return "is an archive: unpack it"
    if suffix in _SOUNDS:
        return "is sound without pictures"
    if meant := _film_suffix(path):
        return f"is a film by its content, but not by its name: give it the suffix {meant}"
    return "is no video that is known by its suffix"


def in_lines(files: Iterable[tuple[Path, str]]) -> list[str]:
    """A line for each file with what it is; one for many in a folder that are the same."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path, reason in files:
        groups.setdefault((path.parent, reason), []).append(path)
    lines = []
    for (folder, reason), paths in groups.items():
        if len(paths) <= _MOST_ALONE:
            lines += [f"{path} {reason}" for path in paths]
        else:
            names = ", ".join(path.name for path in paths[:_MOST_ALONE])
            more = len(paths) - _MOST_ALONE
            lines.append(f"{names} and {more} more in {folder}, each of which {reason}")
    return lines


def _film_suffix(path: Path) -> str | None:
    """A suffix for what begins as a film does; None of all else, and of what cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    if head[4:8] == b"ftyp" and head[8:12] not in _NO_FILMS:
        return ".mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return ".avi"
    for begin, packet in ((0, 188), (4, 192)):  # a transport stream's, without and with times
        if head[begin : begin + 1] == head[begin + packet : begin + packet + 1] == b"G":
            return ".ts"
    return next((suffix for begin, suffix in _BEGINNINGS if head.startswith(begin)), None)
