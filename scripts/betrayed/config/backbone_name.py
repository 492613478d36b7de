"""The setting that names the frozen backbone, which its weights and its features share."""

from betrayed.config.knobs import knob, settings


@settings
class BackboneName:
    """Which ViT."""

    backbone: str = knob(
        "vit_small_patch14_dinov2.lvd142m", "any timm DINO, DINOv2 or DINOv3 ViT", min_length=1
    )
