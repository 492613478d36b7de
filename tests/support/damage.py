"""Bytes to write over those of a whole file, so that a decoder meets damage of several kinds."""

import numpy as np


def other_bytes(random: np.random.Generator, number: int) -> tuple[int, bytes]:
    """How many bytes are lost, and what stands there: nothing, zeros, noise or a marker."""
    length = int(random.choice([1, 2, 40]))
    return length, [
        b"",
        bytes(length),
        random.integers(0, 256, length, np.uint8).tobytes(),
        b"\xff" + bytes([random.integers(0xC0, 256)]),
    ][number % 4]
