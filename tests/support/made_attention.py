"""Attention factors of things that drift over a background, as the benchmarks make them."""

import sys

from support.paths import ROOT


def made_attention(frames, grid, **options):
    """(T, 8, N, 48) float16."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from clustering import made_attention
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    return made_attention(frames, grid, **options).half()
