"""Which files count: images and films by their suffix, and what systems leave beside them."""

from pathlib import Path

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pnm", ".jp2", ".avif"),
)
# What holds pictures and is not read here: named where a folder has nothing else.
_OTHER_IMAGES = (
    *(".heic", ".heif", ".jxl", ".gif", ".tga", ".psd", ".svg", ".exr", ".hdr", ".pfm", ".dpx"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".raw", ".dcm", ".npy"),
)
# What PyAV reads: containers, then pictures in a row and codings without a container.
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".mpe"),
    *(".m1v", ".m2v", ".mpv", ".vob", ".mod", ".tod", ".ts", ".mts", ".m2ts", ".3gp", ".3g2"),
    *(".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".mxf", ".dv", ".rm", ".rmvb", ".amv"),
    *(".wtv", ".nut", ".ivf", ".gif", ".apng", ".mjpg", ".mjpeg", ".y4m", ".h264", ".264"),
    *(".h265", ".265", ".hevc", ".obu"),
)
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


def is_other_image(path: Path) -> bool:
    """The same of the suffix of a picture that is not read here, such as a phone's .heic."""
    return path.suffix.lower() in _OTHER_IMAGES and not is_litter(path.name)


def is_film(path: Path) -> bool:
    """The same of a video file's suffix."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not is_litter(path.name)
