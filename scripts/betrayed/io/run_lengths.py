"""Masks as run lengths, in the COCO data set's form."""

from collections.abc import Sequence

import numpy as np

#: Run lengths of a mask: COCO's text, or the lengths themselves.
RunLengths = str | Sequence[int]


def decode_mask(counts: RunLengths, height: int, width: int) -> np.ndarray:
    """A mask from its run lengths: (H, W) bool.

    Lengths of runs of 0 and 1 by turns, beginning with 0, down the columns from left to right
    (the COCO data set's form). pycocotools decodes the same, but fills what damaged run lengths
    leave open with whatever lies in memory; here they are refused.

    Raises:
        ValueError: the run lengths are damaged, or do not fill the image.
    """
    lengths = checked_lengths(counts, height, width)
    runs = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)  # (W·H,)
    return runs.reshape(width, height).T


def checked_lengths(counts: RunLengths, height: int, width: int) -> list[int]:
    """The run lengths of a mask that fill an image.

    Raises:
        ValueError: the run lengths are damaged, or do not fill the image.
    """
    lengths = run_lengths(counts) if isinstance(counts, str) else list(counts)
    if any(type(length) is not int or length < 0 for length in lengths):
        raise ValueError("a run length is no whole number from 0 on")
    if sum(lengths) != height * width:
        raise ValueError(
            f"its run lengths cover {sum(lengths)} pixels, but {width}x{height} are "
            f"{height * width}"
        )
    return lengths


def run_lengths(text: str) -> list[int]:
    """The run lengths that COCO's text holds.

    A number is written in groups of five bits, lowest first, each as the character 48 + group,
    + 32 when another group follows; the last group's highest bit is the sign. From the fourth
    number on, what is written is the difference from the number two places before.

    Raises:
        ValueError: a character is none of these, or the text ends within a number.
    """
    lengths: list[int] = []
    value = bits = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise ValueError(f"its run lengths hold the character {character!r}")
        value |= (group & 31) << bits
        bits += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << bits
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = bits = 0
    if bits:
        raise ValueError("its run lengths end within a number")
    return lengths
