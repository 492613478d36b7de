"""The settings of the backbone's features."""

from dataclasses import asdict
from typing import Any, Literal

from betrayed.config.backbone_name import BackboneName
from betrayed.config.knobs import knob, seed, settings

Facet = Literal["key", "query", "value", "token"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]


def side(default: int | None, help: str) -> Any:
    """A setting for one side of the images that the backbone sees."""
    return knob(default, help, ge=1, le=4096, unit="pixels")


def views() -> Any:
    """The setting ``views``, which a configuration has under ``training``."""
    help = "augmented views cached per video; 0 trains on the plain frames"
    return knob(0, help, ge=0, le=100)


@settings
class FeatureKnobs(BackboneName):
    """What is taken of the backbone, as configurations and programs have it."""

    height: int = side(
        224,
        "Pixels that whole frames are resized to: multiples of the patch size. More pixels find "
        "smaller objects and cost time (squared).",
    )
    width: int = side(392, "the same; for upright videos swap height and width")
    facet: Facet = knob("token", "token (DINOv2, DINOv3) or key (DINO); also query, value")
    layer: int = knob(-1, "-1 is the last block")
    precision: Precision = knob(
        "auto",
        "Of the backbone's products: float32, float16 or bfloat16. auto: float16 on GPUs with "
        "tensor cores (V100 and later), else float32. bfloat16 for a backbone whose values float16 "
        "cannot hold.",
    )


@settings
class FeatureSettings(FeatureKnobs):
    """What decides the content of a features file, beside the video and the weights."""

    views: int = views()
    seed: int = seed()

    def made_by(self) -> dict[str, Any]:
        """The settings as a features file records them: a seed that draws nothing counts as 0."""
        return {**asdict(self), "seed": self.seed if self.views else 0}
