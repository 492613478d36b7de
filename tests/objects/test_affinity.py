import numpy as np
import pytest

from betrayed.objects.affinity import affinity, diffuse
from support.naive_affinity import naive_affinity, naive_diffusion


def random_tokens(count, grid, dim=3, seed=0):
    """Few dimensions, so that some are alike."""
    return np.random.default_rng(seed).normal(size=(count, grid[0] * grid[1], dim))


CASES = {
    "frames apart": (3, (4, 5), 0),
    "one frame on": (4, (3, 4), 1),
    "two frames on": (4, (3, 4), 2),
    "more frames than there are": (2, (4, 4), 3),
    "a single frame": (1, (5, 6), 2),
    "a single token": (1, (1, 1), 1),
    "a token a frame": (5, (1, 1), 1),
    "a row": (2, (1, 5), 1),
    "a column": (2, (5, 1), 0),
}


@pytest.mark.parametrize("case", CASES)
def test_affinity_agrees_with_naive(case):
    count, grid, frames = CASES[case]
    tokens = random_tokens(count, grid)
    found = affinity(tokens, grid, frames)
    assert (found.dtype, found.shape) == (np.float32, (tokens[..., 0].size,) * 2)
    dense = found.toarray()
    np.testing.assert_allclose(dense, naive_affinity(tokens, grid, frames), rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(dense, dense.T)
    assert not dense.diagonal().any()


def test_affinity_by_hand():
    # In a row: a token, the same but longer, one at a right angle, and one too far from the first.
    tokens = np.array([[[1, 0], [3, 0], [0, 2], [1, 0]]], np.float16)
    found = affinity(tokens, (1, 4), 1).toarray()
    right_angle = np.exp(-10)
    wanted = [
        [0, 1, right_angle, 0],
        [1, 0, right_angle, 1],
        [right_angle, right_angle, 0, right_angle],
        [0, 1, right_angle, 0],
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert tokens[0, 1, 0] == 3  # what is given stays


def test_tokens_of_zeros_are_like_nothing():
    tokens = random_tokens(1, (3, 3))
    tokens[0, 4] = 0
    found = affinity(tokens, (3, 3), 0).toarray()
    np.testing.assert_allclose(np.delete(found[4], 4), np.exp(-10), rtol=1e-5)


@pytest.mark.parametrize("strength", [0.01, 0.3, 3.0, 30.0])
def test_diffusion_is_the_minimum_that_it_states(strength):
    tokens = random_tokens(3, (3, 4), dim=2)
    scores = np.random.default_rng(1).normal(size=(3, 3, 4), loc=2.0)
    wanted = naive_diffusion(scores, naive_affinity(tokens, (3, 4), 1), strength)
    found = diffuse(scores, affinity(tokens, (3, 4), 1), strength)
    assert (found.dtype, found.shape) == (np.float32, scores.shape)
    np.testing.assert_allclose(found, wanted, atol=3e-3 * scores.std())
    assert found.mean() == pytest.approx(scores.mean(), rel=1e-5)
    assert found.std() < scores.std()


def test_without_strength_or_neighbours_scores_stay():
    scores = np.random.default_rng(2).normal(size=(2, 3, 4))
    tokens = random_tokens(2, (3, 4))
    same = diffuse(scores, affinity(tokens, (3, 4), 1), 0)
    assert same.dtype == np.float32
    np.testing.assert_array_equal(same, scores.astype(np.float32))
    alone = np.array([[[0.7]]])
    found = diffuse(alone, affinity(random_tokens(1, (1, 1)), (1, 1), 1), 5.0)
    np.testing.assert_allclose(found, alone, rtol=1e-6)
    nothing = np.zeros((2, 3, 4))
    assert not diffuse(nothing, affinity(tokens, (3, 4), 1), 5.0).any()


def test_scores_even_out_within_things_and_keep_the_step_between_them():
    draw = np.random.default_rng(3)
    right = np.zeros((4, 6, 10), bool)
    right[:, :, 5:] = True
    tokens = np.where(right[..., None], [1.0, 0.0], [0.0, 1.0])
    tokens = (tokens + 0.05 * draw.normal(size=tokens.shape)).reshape(4, 60, 2)
    scores = right + 0.3 * draw.normal(size=right.shape)
    found = diffuse(scores, affinity(tokens, (6, 10), 1), 1.0)
    for side in (right, ~right):
        assert found[side].std() < scores[side].std() / 5
        assert found[side].mean() == pytest.approx(scores[side].mean(), abs=0.01)
    assert found[right].min() > found[~right].max()


def test_scores_spread_over_time_only_as_far_as_neighbours():
    tokens = np.ones((3, 4, 2))
    scores = np.zeros((3, 2, 2))
    scores[0] = 1
    apart = diffuse(scores, affinity(tokens, (2, 2), 0), 10.0)
    np.testing.assert_allclose(apart, scores, atol=1e-4)
    joined = diffuse(scores, affinity(tokens, (2, 2), 1), 10.0).mean(axis=(1, 2))
    assert joined[0] > joined[1] > joined[2] > 0.2
