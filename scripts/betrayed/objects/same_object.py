"""The odds that two points lie on one object, learnt from made videos with exact masks.

Small networks on the measures of a pair. ``same_object.json`` holds them, with what they were
learnt from; ``scripts/learn_same_object.py`` makes it anew.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from betrayed.errors import UserError
from betrayed.objects.pairs import MEASURES, Pairs

MODEL = Path(__file__).with_name("same_object.json")
#: Pairs that are weighed at once: so few that what networks make of them stays in the cache.
_BATCH = 2**15
#: How much the odds of pairs count that are in no frame together: they are known by looks alone.
_NEVER_TOGETHER = 0.5


@dataclass(frozen=True)
class SameObject:
    """Networks of rectified linear layers on standardised measures; what they say is averaged.

    Attributes:
        mean: (13,) of the measures that they were learnt on.
        deviation: (13,) likewise.
        networks: each the weights (inputs, outputs) and biases (outputs,) of its layers; the last
            layer gives the logarithm of the odds.
    """

    mean: np.ndarray
    deviation: np.ndarray
    networks: tuple[tuple[tuple[np.ndarray, np.ndarray], ...], ...]

    def log_odds(self, measures: np.ndarray) -> np.ndarray:
        """Logarithm of the odds (…) that the pairs with measures (…, 13) lie on one object."""
        inputs = (measures - self.mean) / self.deviation
        return np.mean([_through(network, inputs) for network in self.networks], axis=0)


def _through(layers: tuple[tuple[np.ndarray, np.ndarray], ...], values: np.ndarray) -> np.ndarray:
    for number, (weights, biases) in enumerate(layers):
        values = values @ weights
        values += biases
        if number < len(layers) - 1:
            np.maximum(values, 0, out=values)
    return values[..., 0]


@cache
def read_model(path: Path = MODEL) -> SameObject:
    """Read the networks that ``learn_same_object.py`` wrote.

    Raises:
        UserError: they were learnt from other measures than are taken now.
    """
    stored = json.loads(path.read_text(encoding="utf-8"))
    if tuple(stored["measures"]) != MEASURES:
        raise UserError(
            f"{path} was learnt from other measures of pairs than are taken now. Make it anew with "
            "scripts/learn_same_object.py."
        )
    mean, deviation = (np.array(stored[name], np.float32) for name in ("mean", "deviation"))
    networks = tuple(
        tuple(
            (np.array(layer["weights"], np.float32), np.array(layer["biases"], np.float32))
            for layer in network
        )
        for network in stored["networks"]
    )
    return SameObject(mean, deviation, networks)


def pair_log_odds(pairs: Pairs, model: SameObject) -> np.ndarray:
    """The logarithm of the odds for all pairs of points, (n, n) float32, symmetric.

    That of pairs that are never seen together is halved, so that points which live shortly, or
    before and after something else, are not taken for two objects by their looks.
    """
    n = len(pairs.depths)
    rows = max(1, _BATCH // n)
    found = [
        model.log_odds(pairs.measures(slice(start, start + rows))) for start in range(0, n, rows)
    ]
    odds = np.concatenate(found).astype(np.float32)
    return np.where(pairs.together, 1, np.float32(_NEVER_TOGETHER)) * (odds + odds.T) / 2
