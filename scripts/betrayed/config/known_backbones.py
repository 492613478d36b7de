"""What is known of timm's ViTs without loading them, which takes seconds.

The table ``known_backbones.json`` is made from timm by ``docs/tools/backbone_table.py``.
"""

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_name("known_backbones.json")


@dataclass(frozen=True)
class Backbone:
    """A ViT that the method can use.

    Attributes:
        name: timm's, without the name of weights.
        patch: side of its patches, in pixels.
        depth: its blocks.
        width: of its tokens.
        facets: those it has of that width.
    """

    name: str
    patch: int
    depth: int
    width: int
    facets: tuple[str, ...]


def find_backbone(name: str) -> Backbone | None:
    """What is known of a ViT; None where another timm is installed, which may have it.

    Args:
        name: timm's, e.g. ``vit_small_patch14_dinov2.lvd142m``; the name of weights may be left
            out.

    Raises:
        ValueError: there is none of that name that the method can use; close names are given.
    """
    base, _, tag = name.partition(".")
    rows = _table()["backbones"]
    row = rows.get(base)
    if row is not None and (not tag or tag in row["tags"]):
        return Backbone(base, row["patch"], row["depth"], row["width"], tuple(row["facets"]))
    if not _is_the_tables() and _has(base, tag):
        return None
    if row is not None:
        weights = ", ".join(row["tags"]) or "none"
        raise ValueError(f"timm has no weights of {base} called {tag!r}; it has: {weights}")
    known = [*rows, *(f"{one}.{tag}" for one in rows for tag in rows[one]["tags"])]
    close = difflib.get_close_matches(name, known, n=4, cutoff=0.4)
    advice = f"close names: {', '.join(close)}" if close else "look for names with 'dino'"
    raise ValueError(f"timm has no ViT called {name!r} that the method can use; {advice}")


@cache
def _table() -> dict[str, Any]:
    return json.loads(_TABLE.read_text(encoding="utf-8"))


def _is_the_tables() -> bool:
    """Whether the timm that is installed, if any, is the one that the table was made from."""
    try:
        return version("timm") == _table()["timm"]
    except PackageNotFoundError:
        return True


def _has(base: str, tag: str) -> bool:
    """Whether the timm that is installed has a model, with weights of that name."""
    import timm  # only here: it loads torch

    return timm.is_model(f"{base}.{tag}" if tag else base)
