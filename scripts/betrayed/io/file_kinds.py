"""Which files count: images by their suffix, and the litter that systems leave beside them."""

from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# What network storage, archives, bins and file managers leave in folders, in lower case.
_LITTER = (
    "@eadir",
    "@recycle",
    "#recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
)


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name was left by a system: hidden ones are, and @eaDir, ….

    Such files are read by nobody, counted as nothing, and not named among what is left out.
    """
    return name.startswith(".") or name.lower() in _LITTER


def is_image(path: Path) -> bool:
    """Whether a path has an image's suffix and is no litter; the disk is not asked."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_litter(path.name)
