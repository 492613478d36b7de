"""Write scripts/betrayed/config/known_backbones.json: what configurations are checked against.

    python docs/tools/backbone_table.py          # after another timm was locked; a minute or so

The table has every ViT of the installed timm that the project can use: patch size, depth, width of
the tokens, the facets that it has, and the names of timm's weights for it. With it a configuration
is checked before a run without loading timm and torch, which takes seconds.
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import timm
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from betrayed.config.features import Facet  # noqa: E402
from betrayed.errors import UserError  # noqa: E402
from betrayed.features.backbone import Backbone  # noqa: E402
from betrayed.features.vit import vit_names  # noqa: E402

TABLE = ROOT / "scripts" / "betrayed" / "config" / "known_backbones.json"


def tags(name: str) -> list[str]:
    """The names of timm's weights for a ViT, sorted."""
    return sorted(one.partition(".")[2] for one in timm.list_pretrained(f"{name}.*"))


def facts(name: str) -> dict[str, Any] | None:
    """What the table says of a ViT; None: the method cannot use it.

    Found by taking features of a tiny image with a model whose numbers are never made.
    """
    try:
        with torch.device("meta"):
            backbone = Backbone(name, None, "meta")
    except (UserError, AttributeError):
        return None  # no class token
    (patch, across), depth = backbone.patch_size, len(backbone.model.blocks)
    facets, width = [], backbone.model.embed_dim
    for facet in get_args(Facet):
        backbone.facet = facet
        # There is no automatic precision without numbers.
        with torch.device("meta"), mock.patch("torch.autocast", lambda *_, **__: nullcontext()):
            try:
                tokens, classes, _ = backbone.extract(torch.zeros(1, 3, 2 * patch, 3 * across))
            except (AttributeError, RuntimeError):
                continue  # blocks of another build, such as several attentions side by side
        # The block needs patch and class tokens of one width.
        if tokens.shape == (1, 6, width) and classes.shape == (1, width):
            facets.append(facet)
    if not facets or patch != across:
        return None
    return {"patch": patch, "depth": depth, "width": width, "facets": sorted(facets)}


def table(chosen: list[str]) -> dict[str, dict[str, Any]]:
    """The rows of some ViTs, those that cannot be used left out."""
    rows = {name: facts(name) for name in chosen}
    return {name: {**row, "tags": tags(name)} for name, row in sorted(rows.items()) if row}


def main() -> None:
    """Write the table, a line a ViT."""
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in table(vit_names()).items()]
    body = ",\n    ".join(lines)
    version = json.dumps(timm.__version__)
    text = f'{{\n  "timm": {version},\n  "backbones": {{\n    {body}\n  }}\n}}\n'
    TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
