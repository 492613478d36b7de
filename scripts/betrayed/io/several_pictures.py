"""Image files that hold several pictures: animations and stacks, which are no frames."""

from pathlib import Path

#: By the suffix what such a file is called, and whether films are read from it (PyAV).
_KINDS = {
    ".png": ("an animated PNG", True),
    ".avif": ("an animated AVIF", True),
    ".webp": ("an animated WebP", False),
    ".tif": ("a TIFF of several pages", False),
    ".tiff": ("a TIFF of several pages", False),
}
_SUBFILE, _REDUCED = 254, 1  # a tag of TIFF, and its bit of a smaller copy of another page

#: What to do with one that is no film here.
REMEDY = "save its pictures as images in a folder of their own (docs/videos.md shows how)"


def moving_image(path: Path) -> bool:
    """Whether a file has an image's suffix, and is a film that can be read."""
    return _KINDS.get(path.suffix.lower(), ("", False))[1] and several_pictures(path) is not None


def several_pictures(path: Path) -> str | None:
    """What an image file with several pictures is, "an animated WebP"; None of all others.

    The first ones alone are looked at. What cannot be read is left to whoever reads it.
    """
    if (suffix := path.suffix.lower()) not in _KINDS:
        return None
    from PIL import Image  # only here: it takes a while to load

    try:
        if not path.is_file():  # to open a pipe would be to wait for ever
            return None
        with Image.open(path) as image:
            image.seek(1)
            reduced = getattr(image, "tag_v2", {}).get(_SUBFILE, 0) & _REDUCED
            return None if reduced else _KINDS[suffix][0]
    except Exception:  # readers of damaged files raise whatever they stumble over
        return None
