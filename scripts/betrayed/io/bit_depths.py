"""Which number is white in images of more than 8 bits: one for all frames of a video.

A camera's 10, 12 or 14 bits often lie in files of 16, from 0 up, and most files do not say so.
Frame by frame the largest value says nothing, since a frame may be dark; over a whole video it
does.
"""

from pathlib import Path

import numpy as np

from betrayed.errors import UserError

#: Bits that images are made with.
_DEPTHS = (8, 10, 12, 14, 16)
_FULL = 65535
#: Floating point up to here may be a little more than 1, or next to nothing of 255.
_LEAST_OF_255 = 32


def depth_of(largest: int) -> int:
    """The bits that whole numbers up to ``largest`` were made with: 8, 10, 12, 14 or 16."""
    return next(bits for bits in _DEPTHS if largest < 1 << bits)


class Depths:
    """Takes the values of a video's frames one after another, and tells which one is white.

    Args:
        where: the video's folder or file, for messages.
    """

    def __init__(self, where: str | Path) -> None:
        self._where = where
        self._largest: dict[str, float] = {}  # by "u" (whole numbers) and "f"
        self._largest_in: dict[str, Path | str] = {}
        self._used = 0  # all bits that are set anywhere
        self._significant = self._exact = 0
        self._stated = 0.0

    def add(
        self,
        path: Path | str,
        values: np.ndarray,
        *,
        significant: int = 0,
        exact: int = 0,
        stated: float = 0.0,
    ) -> None:
        """Take the next frame.

        Args:
            path: its file, for messages.
            values: whole numbers of 16 bits or floating point, of any shape; others are skipped.
            significant: bits that a PNG says mean something (sBIT); 0: it says nothing.
            exact: bits that the file keeps a value in, where these are less than 16; else 0.
            stated: the largest value that the file says it may have; 0: it says nothing.
        """
        if values.dtype == np.uint8 or not values.size:
            return
        kind, largest = values.dtype.kind, float(values.max())
        if largest >= self._largest.get(kind, -1.0):
            self._largest[kind], self._largest_in[kind] = largest, path
        if kind == "u":
            self._used |= int(np.bitwise_or.reduce(values, axis=None))
        self._significant = max(self._significant, significant)
        self._exact = max(self._exact, exact)
        self._stated = max(self._stated, stated)

    def white(self) -> tuple[float | None, str]:
        """The value that is white in all frames, and what is to be said of it.

        None where all frames have 8 bits; nothing is said where the usual holds, 65535 or 1.0.

        Raises:
            UserError: some frames hold whole numbers and others floating point, or the range of
                floating point cannot be known.
        """
        if len(self._largest) > 1:
            one, other = self._largest_in.values()
            raise UserError(
                f"In {self._where} some frames hold whole numbers and others floating point ({one} "
                f"and {other}): they have no scale in common. Save all with 8 bits a channel."
            )
        if "f" in self._largest:
            return self._white_of_floats(self._largest["f"])
        if "u" not in self._largest:
            return None, ""
        return self._white_of_numbers(int(self._largest["u"]))

    def _white_of_numbers(self, largest: int) -> tuple[float, str]:
        if self._exact and largest < 1 << self._exact:
            return self._told(self._exact, "The files")
        if self._stated and largest <= self._stated:
            return self._told(max(8, int(self._stated).bit_length()), "The files")
        bits = self._significant
        if bits:
            # The standard asks for values that fill 16 bits, their lowest bits being repeated or
            # zero; many programs write them as they are.
            as_they_are = largest < 1 << bits and self._used & ((1 << (16 - bits)) - 1)
            return self._told(bits, "The files") if as_they_are else (float(_FULL), "")
        return self._told(depth_of(largest), "", largest)

    def _told(self, bits: int, who: str, largest: int = 0) -> tuple[float, str]:
        white = (1 << bits) - 1
        if bits >= 16:
            return float(_FULL), ""
        if who:
            return float(white), f"{who} of {self._where} state {bits} bits: {white} is white."
        return float(white), (
            f"{self._where} has 16 bits a channel, but no value above {largest}: it is read as "
            f"{bits} bits, {white} being white, in all its frames. If it is meant to be that dark, "
            f"save it with 8 bits a channel."
        )

    def _white_of_floats(self, largest: float) -> tuple[float, str]:
        if self._stated and largest <= self._stated:
            return self._stated, f"The files of {self._where} state that {self._stated:g} is white."
        if largest <= 1:
            return 1.0, ""
        if _LEAST_OF_255 <= largest <= 255:
            return 255.0, (
                f"{self._where} holds floating point up to {largest:g}: it is read from 0 (black) "
                f"to 255 (white), in all its frames."
            )
        raise UserError(
            f"The frames in {self._where} hold floating point up to {largest:g} "
            f"({self._largest_in['f']}), of which the range is not known: it is read from 0 "
            f"(black) to 1 or to 255 (white). Save them with 8 or 16 bits a channel."
        )


def to_8_bits(values: np.ndarray, white: float) -> np.ndarray:
    """Values from 0 (black) to ``white`` as uint8, rounded; what lies above is white."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "u":
        top = int(white)
        scaled = (np.minimum(values, top).astype(np.uint32) * 255 + top // 2) // top
        return scaled.astype(np.uint8)
    return (np.minimum(values, white) * (255 / white)).round().astype(np.uint8)
