"""What stands for a video's content, so that a touched folder costs nothing and a new frame does.

Only the standard library is loaded: whoever plans jobs may ask.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from betrayed.errors import UserError
from betrayed.io.file_kinds import is_image, is_litter
from betrayed.io.files import sha256

_PARTS = ("source", "annotations", "instances")


def fingerprint(row: Mapping[str, str]) -> str:
    """A SHA-256 over the content of everything that a video is made of, in hexadecimal.

    It changes when a frame or an annotation is added, removed, renamed or overwritten, be it under
    the same size and time. It stays when files are touched, copied or moved as a whole, and when
    litter (:func:`betrayed.io.file_kinds.is_litter`) comes or goes, or files among the frames that
    are no images. Where the video lies, its name and its data set's settings are no part of it.

    Args:
        row: the video's row of the manifest; "source", "annotations" and "instances" are read.
            A source is a file, taken whole, or a folder, of which the images count that lie in it
            directly. Annotations are a file, or a folder with all that lies under it. What is
            empty or not there counts as absent.

    Raises:
        UserError: a file cannot be read, or goes while it is.
    """
    digest = hashlib.sha256()
    for part in _PARTS:
        text = row.get(part) or ""
        path = Path(text)
        try:
            if not text or not path.exists():
                _add(digest, part.encode(), b"absent")
            elif path.is_dir():
                _add(digest, part.encode(), b"folder")
                files = _frames(path) if part == "source" else _all_files(path)
                for name, file in sorted(files):
                    _add(digest, name, sha256(file).encode())
            else:
                _add(digest, part.encode(), b"file", sha256(path).encode())
        except OSError as error:
            raise UserError(
                f"{error.filename or path}, of the video {row.get('video', path.name)!r}, cannot "
                f"be read ({error.strerror}). Make it readable, or take this video out."
            ) from error
    return digest.hexdigest()


def _frames(folder: Path) -> Iterator[tuple[bytes, Path]]:
    """The images in a folder, with their names."""
    for path in folder.iterdir():
        if is_image(path) and path.is_file():
            yield os.fsencode(path.name), path


def _all_files(folder: Path) -> Iterator[tuple[bytes, Path]]:
    """All files under a folder but litter, with their paths in it; links are followed."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=_raise):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else [one for one in folders if not is_litter(one)]
        if real in seen:  # a link to a folder above it
            continue
        seen.add(real)
        for name in names:
            path = Path(place, name)
            if not is_litter(name) and path.is_file():
                yield os.fsencode(path.relative_to(folder)), path


def _raise(error: OSError) -> None:
    raise error


def _add(digest: "hashlib._Hash", *words: bytes) -> None:
    """Add words so that no two lists of words give the same bytes."""
    for word in words:
        digest.update(len(word).to_bytes(8, "big") + word)
