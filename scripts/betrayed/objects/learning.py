"""Learn the odds that two points lie on one object, from videos whose masks are known exactly."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from betrayed.config.learning import LearningSettings
from betrayed.errors import UserError
from betrayed.io.files import whole_file
from betrayed.io.progress import progress
from betrayed.objects.composites import Cutout, alone, joined
from betrayed.objects.observations import Seen
from betrayed.objects.pairs import MEASURES, compare_points
from betrayed.objects.same_object import SameObject

_WIDTH = 24
#: With fewer points two foregrounds teach nothing.
_FEWEST = 20
_RATE, _DECAY, _BATCH = 3e-3, 1e-3, 4096


def draw_pairs(
    seen: Seen, owners: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a video's points by what they have seen, at least one of each on an object.

    Args:
        seen: the points.
        owners: (n,) the object that each point lies on most of the time, 0 for none.
        count: how many pairs; fewer where points rarely lie on objects.
        rng: draws them.

    Returns:
        Their measures (pairs, 13) float32 and whether both lie on one object (pairs,) bool.
    """
    share = seen.weights / seen.weights.sum()
    one, other = rng.choice(len(share), (2, 5 * count), p=share)
    usable = (one != other) & ((owners[one] > 0) | (owners[other] > 0))
    one, other = one[usable][:count], other[usable][:count]
    pairs = compare_points(seen)
    measures = np.empty((len(one), len(MEASURES)), np.float32)
    for row in np.unique(one):
        chosen = one == row
        measures[chosen] = pairs.measures(slice(row, row + 1))[0, other[chosen]]
    return measures, owners[one] == owners[other]


def draw_composites(
    cutouts: Sequence[Cutout], settings: LearningSettings
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of points of real foregrounds, alone and joined by twos, as of :func:`draw_pairs`.

    A foreground may be several things, so pairs of one that lie on separate pieces of it teach
    nothing and are left out.

    Args:
        cutouts: the foregrounds, taken as one object each; none when there are fewer than two.
        settings: see :class:`LearningSettings`.
    """
    if len(cutouts) < 2:
        return []
    rng = np.random.default_rng([settings.seed, len(cutouts)])
    made = [alone(one, rng) for one in cutouts]
    for _ in progress(range(settings.composites), "joining foregrounds", "pair"):
        one, other = rng.choice(len(cutouts), 2, replace=False)
        made.append(joined(cutouts[one], cutouts[other], rng))
    samples = []
    for seen, owners in (one for one in made if one is not None and len(one[1]) >= _FEWEST):
        measures, same = draw_pairs(seen, owners, settings.pairs, rng)
        usable = ~same | (measures[:, MEASURES.index("apart")] <= 0.5)
        samples.append((measures[usable], same[usable]))
    return samples


def learn(
    samples: Sequence[tuple[np.ndarray, np.ndarray]],
    settings: LearningSettings,
    composites: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> SameObject:
    """Fit the networks by cross entropy, each video's pairs counting the same together.

    Args:
        samples: for each video what :func:`draw_pairs` gave.
        settings: see :class:`betrayed.config.learning.LearningSettings`.
        composites: what :func:`draw_composites` gave.

    Raises:
        UserError: there is no pair to learn from.
    """
    samples = [one for one in samples if len(one[1])]
    if not samples:
        raise UserError("No video has points on an object: there is nothing to learn from.")
    composites = [one for one in composites if len(one[1])]
    counts = [1.0] * len(samples)
    counts += [settings.composite_weight * len(samples) / len(composites) for _ in composites]
    samples = [*samples, *composites]
    measures = np.concatenate([one for one, _ in samples])
    mean, deviation = measures.mean(axis=0), measures.std(axis=0) + 1e-6
    inputs = torch.from_numpy((measures - mean) / deviation)
    wanted = torch.from_numpy(np.concatenate([same for _, same in samples])).float()
    weights = np.concatenate(
        [
            np.full(len(same), count / len(same))
            for count, (_, same) in zip(counts, samples, strict=True)
        ]
    )
    weights = torch.from_numpy(weights / weights.mean()).float()
    networks = tuple(
        _fit(inputs, wanted, weights, settings.epochs, settings.seed + number)
        for number in range(settings.networks)
    )
    return SameObject(mean, deviation, networks)


def _fit(
    inputs: torch.Tensor, wanted: torch.Tensor, weights: torch.Tensor, epochs: int, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The layers of one network."""
    torch.manual_seed(seed)
    widths = (len(MEASURES), _WIDTH, _WIDTH, 1)
    layers = [torch.nn.Linear(*pair) for pair in pairwise(widths)]
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in progress(range(epochs), f"learning network {seed}", "epoch"):
        for chosen in torch.randperm(len(inputs)).split(_BATCH):
            losses = torch.nn.functional.binary_cross_entropy_with_logits(
                network(inputs[chosen])[:, 0], wanted[chosen], reduction="none"
            )
            optimiser.zero_grad()
            (losses * weights[chosen]).mean().backward()
            optimiser.step()
        schedule.step()
    return tuple(
        (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
        for layer in layers
    )


def write_model(path: str | Path, model: SameObject, made_from: Mapping[str, object]) -> None:
    """Write networks as JSON, with what they were learnt from; six digits a number."""
    networks = [
        [{"weights": _rounded(weights), "biases": _rounded(biases)} for weights, biases in layers]
        for layers in model.networks
    ]
    stored = {
        "made_from": made_from,
        "measures": MEASURES,
        "mean": _rounded(model.mean),
        "deviation": _rounded(model.deviation),
        "networks": networks,
    }
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(stored) + "\n", encoding="utf-8")


def _rounded(values: np.ndarray) -> list:
    return np.vectorize(lambda value: float(f"{value:.6g}"))(values.astype(np.float64)).tolist()
