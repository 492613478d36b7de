"""What the formats share that write each video by itself."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from betrayed.engine.parallel import in_parallel
from betrayed.exports.videos import MaskedVideo
from betrayed.io.files import whole_folder


def write_each(
    write: Callable[..., None],
    videos: Sequence[MaskedVideo],
    folder: str | Path,
    workers: int,
    doing: str = "exporting",
) -> None:
    """Write every video into a folder, in several processes.

    Args:
        write: called with a video and ``folder``, where it writes what is of this video alone; a
            function of a module, so that another process finds it.
        videos: what to export.
        folder: replaced as a whole when all is well; untouched otherwise.
        workers: processes.
        doing: what the progress bar says.

    Raises:
        UserError: whatever ``write`` raises, or a process was killed.
    """
    with whole_folder(folder) as temporary:
        list(in_parallel(partial(write, folder=temporary), videos, workers, doing, "video"))
