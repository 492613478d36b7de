"""The settings of the training, the constants of the losses among them."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from betrayed.config.knobs import knob, seed, settings
from betrayed.errors import UserError

#: What the name of a block begins with that lies in a hub repository.
HUB = "hub:"
OutputDropout = Literal["key", "attention"]
ShortVideos = Literal["error", "skip"]


@dataclass(frozen=True)
class HubFile:
    """A file in a hub repository."""

    repository: str
    file: str

    @classmethod
    def from_name(cls, name: str) -> "HubFile":
        """The file of ``hub:owner/name`` or ``hub:owner/name/path``; by default ``block.pt``.

        Raises:
            UserError: the name is neither.
        """
        parts = name.removeprefix(HUB).split("/", 2)
        if not name.startswith(HUB) or len(parts) < 2 or not all(parts):
            raise UserError(
                f"training.checkpoint: {name!r} names no file of a hub: write hub:owner/name, or "
                "hub:owner/name/file.pt"
            )
        return cls("/".join(parts[:2]), parts[2] if len(parts) > 2 else "block.pt")


def _rate(default: float, help: str) -> Any:
    return knob(default, help, ge=0, le=0.99)


def _count(default: int, help: str, unit: str | None = None) -> Any:
    return knob(default, help, ge=1, unit=unit)


@settings
class LossSettings:
    """Constants of the losses; the defaults are the paper's.

    Where a frame has fewer tokens than positives and negatives together, both shrink in
    proportion (never below 1), so that no token is both.
    """

    queries: int = _count(8, "query positions a clip", "tokens")
    positives: int = _count(
        30, "semantic loss: a query's most attended tokens of each frame", "tokens"
    )
    negatives: int = _count(200, "semantic loss: its least attended tokens of each frame", "tokens")
    positive_margin: float = knob(
        0.9, "semantic loss: cosine that positives should reach", ge=-1, le=1
    )
    negative_margin: float = knob(
        0.1, "semantic loss: cosine that negatives should stay below", ge=-1, le=1
    )
    frame_positives: int = _count(
        10, "motion loss: the most attended tokens of the query's own frame", "tokens"
    )
    frame_negatives: int = _count(
        50, "motion loss: the least attended tokens of that frame", "tokens"
    )
    margin: float = knob(1.0, "motion loss: of its triplets", ge=0, unit="nats")
    entropy_weight: bool = knob(True, "motion loss: confident queries count more")
    semantic_weight: float = knob(1.0, "of the semantic loss; 0 switches it off", ge=0, le=1e6)
    motion_weight: float = knob(1.0, "of the motion loss; 0 switches it off", ge=0, le=1e6)

    @field_validator("motion_weight")
    @classmethod
    def _one_loss_counts(cls, weight: float, info: ValidationInfo) -> float:
        if weight == 0 and info.data.get("semantic_weight") == 0:
            raise ValueError("one of both losses must count: semantic_weight is 0, too")
        return weight


@settings
class TrainingKnobs:
    """How the block is trained, as configurations and programs have it."""

    steps: int = _count(240, "more for more data: the loss curve should have flattened", "steps")
    learning_rate: float = knob(2e-4, "with few steps higher, with 60000 steps 1e-5", gt=0, le=1)
    final_learning_rate: float = knob(
        1e-5, "reached at the last step, along half a cosine", ge=0, le=1
    )
    weight_decay: float = knob(0.1, "of AdamW, on matrices; biases and norms have none", ge=0)
    warmup_steps: int = knob(0, "in which the learning rate rises from 0", ge=0, unit="steps")
    frames: int = _count(3, "in a clip", "frames")
    stride: int = _count(4, "from one frame of the clip to the next", "frames")
    clips_per_step: int = _count(
        1, "whose losses are averaged for one update; up to one GPU for each", "clips"
    )
    heads: int = _count(
        8, "of the block's attention; they must divide the width of the backbone's tokens"
    )
    mlp_ratio: float = knob(4.0, "width of the block's MLP, in widths of a token", gt=0)
    dropout: float = _rate(0.1, "of what leaves the block's attention and its MLP")
    attention_dropout: float = _rate(
        0.4, "of the attention rows that the losses read, and see output_dropout"
    )
    output_dropout: OutputDropout = knob(
        "key",
        "What attention_dropout drops for the block's output. key: tokens before the softmax, "
        "which keeps attention fused on a CPU. attention: entries of the map, as the paper does. "
        "The rows that the losses read lose entries either way.",
    )
    precision: Literal["auto", "float32", "mixed"] = knob(
        "auto",
        "mixed (bfloat16) where the processor multiplies it, else float32; or say which",
    )
    deterministic: bool = knob(
        False,
        "the same bits on every run on a GPU, too; slower there. A CPU's always are",
    )
    checkpoint_every: int = _count(20, "a killed training goes on from there", "steps")
    snapshots: int = knob(
        5,
        "Kept of the weights, from the first ones on and ever more steps apart; the clusters at "
        "each are drawn. 0: none. A file of the block's size each.",
        ge=0,
        le=50,
    )
    short_videos: ShortVideos = knob("error", "a video shorter than a clip: error, or skip")

    @field_validator("warmup_steps")
    @classmethod
    def _ends(cls, warmup: int, info: ValidationInfo) -> int:
        steps = info.data.get("steps")
        if steps is not None and warmup >= steps:
            raise ValueError(f"must be less than steps ({steps}), not {warmup}")
        return warmup

    @field_validator("final_learning_rate")
    @classmethod
    def _falls(cls, final: float, info: ValidationInfo) -> float:
        rate = info.data.get("learning_rate")
        if rate is not None and final > rate:
            raise ValueError(f"must not exceed learning_rate ({rate:g}), but is {final:g}")
        return final


@settings
class TrainSettings(LossSettings, TrainingKnobs):
    """What training is told: the constants of the losses among it."""

    seed: int = seed()
