"""The networks of the odds: what they compute, how they are kept, and that they learn."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from betrayed.errors import UserError
from betrayed.objects.learning import LearningSettings, draw_pairs, learn, write_model
from betrayed.objects.observations import Seen
from betrayed.objects.pairs import MEASURES, compare_points
from betrayed.objects.same_object import MODEL, SameObject, pair_log_odds, read_model

COUNT = len(MEASURES)


def random_model(seed=0, networks=2):
    rng = np.random.default_rng(seed)
    widths = (COUNT, 6, 5, 1)
    return SameObject(
        rng.normal(size=COUNT).astype(np.float32),
        rng.uniform(0.5, 2, COUNT).astype(np.float32),
        tuple(
            tuple(
                (
                    rng.normal(size=pair).astype(np.float32),
                    rng.normal(size=pair[1]).astype(np.float32),
                )
                for pair in pairwise(widths)
            )
            for _ in range(networks)
        ),
    )


def by_torch(model, measures):
    found = []
    for network in model.networks:
        layers = []
        for weights, biases in network:
            layer = torch.nn.Linear(*weights.shape)
            layer.weight.data = torch.from_numpy(weights.T.copy())
            layer.bias.data = torch.from_numpy(biases)
            layers += [layer, torch.nn.ReLU()]
        inputs = torch.from_numpy((measures - model.mean) / model.deviation)
        with torch.no_grad():
            found.append(torch.nn.Sequential(*layers[:-1])(inputs)[..., 0])
    return torch.stack(found).mean(0).numpy()


def groups_seen(counts=(12, 10), frames=5, seed=0):
    """Groups of points that move and look in their own way."""
    rng = np.random.default_rng(seed)
    own = np.repeat(np.arange(len(counts)), counts)
    ways = np.array([[0, 3], [2, -2], [-3, 0]])[own]
    start = rng.uniform(0, 20, size=(len(own), 2)) + 30 * own[:, None]
    times = np.arange(frames)[None, :, None]
    places = (start[:, None] + ways[:, None] * times).astype(np.float32)
    looks = np.eye(4)[own] + rng.normal(size=(len(own), 4), scale=0.05)
    seen = Seen(
        places,
        np.repeat(own[:, None] + 1, frames, 1).astype(np.int32),
        np.full(len(own), float(frames)),
        looks,
        looks - looks.mean(0),
        0.0025 * np.eye(4),
        500.0,
        (120, 160),
    )
    return seen, own


def test_log_odds_are_those_of_torch():
    model = random_model()
    measures = np.random.default_rng(1).normal(size=(7, 3, COUNT)).astype(np.float32)
    found = model.log_odds(measures)
    assert found.shape == (7, 3)
    np.testing.assert_allclose(found, by_torch(model, measures), atol=1e-4)


def test_all_pairs_are_weighed_in_batches(monkeypatch):
    pairs, model = compare_points(groups_seen()[0]), random_model()
    whole = model.log_odds(pairs.measures(slice(0, 22)))
    wanted = (whole + whole.T) / 2
    np.testing.assert_allclose(pair_log_odds(pairs, model), wanted, atol=1e-4)
    monkeypatch.setattr("betrayed.objects.same_object._BATCH", 50)  # two rows at a time
    found = pair_log_odds(pairs, model)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    np.testing.assert_array_equal(found, found.T)
    monkeypatch.setattr("betrayed.objects.same_object._BATCH", 1)
    np.testing.assert_allclose(pair_log_odds(pairs, model), wanted, atol=1e-4)


def test_pairs_that_are_never_together_count_half():
    seen, _ = groups_seen(frames=6)
    seen.places[12:, :3], seen.pieces[12:, :3] = np.nan, -1
    seen.places[:6, 3:], seen.pieces[:6, 3:] = np.nan, -1
    pairs, model = compare_points(seen), random_model()
    assert not pairs.together[:6, 12:].any() and pairs.together[6:12].all()
    whole = model.log_odds(pairs.measures(slice(0, 22)))
    wanted = (whole + whole.T) / 2
    wanted[~pairs.together] /= 2
    np.testing.assert_allclose(pair_log_odds(pairs, model), wanted, atol=1e-4)


def test_what_is_written_is_read(tmp_path):
    model = random_model()
    write_model(tmp_path / "m.json", model, {"videos": 3})
    read = read_model(tmp_path / "m.json")
    np.testing.assert_allclose(read.mean, model.mean, rtol=1e-5)
    np.testing.assert_allclose(read.deviation, model.deviation, rtol=1e-5)
    assert len(read.networks) == 2
    for one, other in zip(read.networks, model.networks, strict=True):
        for found, wanted in zip(one, other, strict=True):
            for a, b in zip(found, wanted, strict=True):
                assert a.dtype == np.float32
                np.testing.assert_allclose(a, b, rtol=1e-5)
    assert json.loads((tmp_path / "m.json").read_text())["made_from"] == {"videos": 3}
    write_model(tmp_path / "again.json", read, {"videos": 3})
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "m.json").read_bytes()


def test_networks_of_other_measures_are_refused(tmp_path):
    path = tmp_path / "m.json"
    write_model(path, random_model(), {})
    path.write_text(path.read_text().replace("log look distance", "age"))
    with pytest.raises(UserError, match=re.escape(f"{path} was learnt from other measures")):
        read_model(path)


def test_the_networks_that_come_with_it():
    model = read_model()
    assert MODEL.is_file() and len(model.networks) >= 1
    assert model.mean.shape == model.deviation.shape == (COUNT,)
    assert (model.deviation > 0).all()
    seen, own = groups_seen()
    odds = pair_log_odds(compare_points(seen), model)
    assert np.isfinite(odds).all()
    same = own[:, None] == own
    assert odds[same].mean() > odds[~same].mean() + 1


def test_pairs_are_drawn_with_one_of_them_on_an_object_at_least():
    seen, own = groups_seen((12, 10, 8))
    rng = np.random.default_rng(0)
    owners = own.astype(int)  # the first group lies on no object
    measures, same = draw_pairs(seen, owners, 400, rng)
    assert measures.shape == (400, COUNT) and measures.dtype == np.float32
    assert same.shape == (400,) and same.dtype == bool
    # Every row is that of a pair, and a pair on nothing is not among them.
    whole = compare_points(seen).measures(slice(0, 30))
    for row, both in zip(measures[:50], same[:50], strict=True):
        i, j = np.argwhere((whole == row).all(axis=-1))[0]
        assert i != j and max(owners[i], owners[j]) > 0
        assert (owners[i] == owners[j]) == both
    assert 0 < same.mean() < 1
    none, _ = draw_pairs(seen, np.zeros(30, int), 400, rng)
    assert none.shape == (0, COUNT)


def test_learning_separates_a_toy():
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(3):
        measures = rng.normal(size=(600, COUNT)).astype(np.float32)
        samples.append((measures * 5 + 2, measures[:, 2] + measures[:, 5] > 0))
    model = learn(samples[:2], LearningSettings(epochs=60, networks=2))
    assert len(model.networks) == 2
    odds = model.log_odds(samples[2][0])
    assert ((odds > 0) == samples[2][1]).mean() > 0.9
    again = learn(samples[:2], LearningSettings(epochs=60, networks=2))
    np.testing.assert_array_equal(again.log_odds(samples[2][0]), odds)


def test_videos_count_alike_however_many_pairs_they_have():
    """Two videos that say the opposite of the same measures: the odds are even."""
    measures = np.zeros((1, COUNT), np.float32)
    many = np.repeat(measures, 900, axis=0), np.ones(900, bool)
    few = np.repeat(measures, 30, axis=0), np.zeros(30, bool)
    model = learn([many, few], LearningSettings(epochs=200, networks=1))
    assert abs(model.log_odds(measures)[0]) < 0.3


def test_all_composites_count_together_as_much_as_their_weight_says():
    """Two videos say that they are of one object, thirty composites that they are not."""
    measures = np.zeros((60, COUNT), np.float32)
    videos, composites = [(measures, np.ones(60, bool))] * 2, [(measures, np.zeros(60, bool))] * 30
    for weight in (0.25, 4.0):
        settings = LearningSettings(epochs=200, networks=1, composite_weight=weight)
        odds = learn(videos, settings, composites).log_odds(measures[0])
        assert odds == pytest.approx(-np.log(weight), abs=0.1)
    none = LearningSettings(epochs=20, networks=1)
    alone = learn(videos, none).log_odds(measures[0])
    assert learn(videos, none, [(measures[:0], np.zeros(0, bool))]).log_odds(measures[0]) == alone


def test_nothing_to_learn_from_is_refused():
    nothing = np.empty((0, COUNT), np.float32), np.empty(0, bool)
    with pytest.raises(UserError, match="nothing to learn from"):
        learn([nothing], LearningSettings())
