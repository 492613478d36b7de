"""The vision transformers that timm knows by name."""

import difflib
from pathlib import Path

import timm
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer

from betrayed.errors import UserError

#: DINO and DINOv2 are timm's VisionTransformer; DINOv3, with rotary positions, is its Eva.
ViT = VisionTransformer | Eva
#: The modules of timm that have such models.
MODULES = ("vision_transformer", "eva")


def vit_names() -> list[str]:
    """Every ViT that timm has, without the names of weights."""
    return [name for module in MODULES for name in timm.list_models("", module)]


def create_vit(name: str, pretrained: bool = False, file: Path | None = None) -> ViT:
    """Build a ViT without a classifier that takes images of any size.

    Args:
        name: timm's name, e.g. ``vit_small_patch14_dinov2.lvd142m``.
        pretrained: let timm download the weights of that name; else they are random.
        file: what timm would download, where it has been downloaded already.

    Raises:
        UserError: timm has no ViT with a class token of that name; close names are given.
    """
    base, _, tag = name.partition(".")
    known = set(vit_names())
    tagged = [one for one in timm.list_pretrained() if one.partition(".")[0] in known]
    if base not in known or (tag and name not in tagged):
        if base in known:
            reason = f"timm has {base}, but no weights of it called {tag!r}"
        elif timm.is_model(base):
            reason = "timm knows it, but it is no ViT"
        else:
            reason = "timm has no ViT of that name"
        close = difflib.get_close_matches(name, tagged, n=4, cutoff=0.4)
        advice = f"Close names: {', '.join(close)}." if close else "Look for names with 'dino'."
        raise UserError(f"Backbone {name!r} cannot be used: {reason}. {advice}")
    given = {"pretrained_cfg_overlay": {"file": str(file)}} if file else {}
    model = timm.create_model(
        name, pretrained=pretrained, num_classes=0, dynamic_img_size=True, **given
    )
    if getattr(model, "cls_token", None) is None:
        raise UserError(f"Backbone {name!r} has no class token, which the method needs.")
    return model
