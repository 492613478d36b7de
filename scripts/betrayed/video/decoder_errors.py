"""What decoders of pictures say is damaged, where they give a patched picture and no error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av
import av.logging

#: Codings of which each picture stands for itself: a line of theirs in the log is damage. Others,
#: such as H.264, have lines of harmless things, too, and mark damaged frames themselves.
_PICTURES = ("mjpeg", "gif", "apng", "png", "bmp", "targa", "tiff", "jpeg2000", "qtrle")


@contextmanager
def errors_of(stream: av.VideoStream) -> Iterator[Callable[[], str]]:
    """Listen to the decoder of a film before its first picture; yields what tells its last error.

    That is nothing where there was none, and for codings that are not listened to.
    """
    if stream.codec_context.name not in _PICTURES:
        yield str
        return
    # Lines of other threads would have to wait for Python, and Python may wait for them.
    stream.codec_context.thread_count = 1
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as lines:
            yield lambda: next(
                (text.strip() for severity, _, text in lines if severity <= av.logging.ERROR), ""
            )
    finally:
        av.logging.set_level(level)
