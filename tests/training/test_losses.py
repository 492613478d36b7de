import dataclasses
import math

import pytest
import torch

from betrayed.training import losses as losses_of_clips
from betrayed.training.losses import (
    LossSettings,
    clip_losses,
    most_and_least_attended,
    read_besides,
    sample_sizes,
)
from support import naive_losses
from support.blocks import new_block

SHAPES = [(3, 6, 16, 2, 3), (2, 12, 8, 4, 2), (1, 9, 24, 3, 4), (4, 5, 8, 1, 5)]


def setting(frames, count, dim, heads, seed=0, dropout=0.0):
    torch.manual_seed(seed)
    block = new_block(dim, heads, dropout=0.0, attention_dropout=dropout)
    with torch.no_grad():  # far from uniform rows
        block.attn.qkv.weight.mul_(6)
    return block, torch.randn(frames, count, dim), torch.randn(frames, dim)


def small(count, **changes):
    values = {
        "positives": max(1, count // 4),
        "negatives": max(1, count // 3),
        "frame_positives": max(1, count // 5),
        "frame_negatives": max(1, count // 3),
    }
    return LossSettings(**(values | changes))


def naive(z, attention, positions, settings):
    s = settings
    semantic = naive_losses.semantic(
        z, attention, positions, s.positives, s.negatives, s.positive_margin, s.negative_margin
    )
    motion, entropy = naive_losses.motion(
        attention, positions, s.frame_positives, s.frame_negatives, s.margin, s.entropy_weight
    )
    return semantic, motion, entropy


def gradients(loss, block):
    return torch.autograd.grad(loss, list(block.parameters()), allow_unused=True)


def assert_same_gradients(mine, theirs, atol):
    for a, b in zip(mine, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, atol=atol, rtol=1e-3)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(("frames", "count", "dim", "heads", "queries"), SHAPES)
def test_losses_and_gradients_agree_with_the_plain_version(
    frames, count, dim, heads, queries, weighted
):
    block, patches, classes = setting(frames, count, dim, heads)
    settings = small(count, entropy_weight=weighted)
    positions = torch.randperm(count)[:queries]
    z, attention = block(patches, classes)
    mine = clip_losses(z, attention.rows, positions, settings)
    plain_z, plain_map = naive_losses.full_map(block, patches, classes)
    semantic, motion, entropy = naive(plain_z, plain_map, positions.tolist(), settings)

    torch.testing.assert_close(z, plain_z, atol=1e-5, rtol=0)
    torch.testing.assert_close(mine.semantic, semantic, atol=1e-5, rtol=0)
    torch.testing.assert_close(mine.motion, motion, atol=1e-5, rtol=0)
    torch.testing.assert_close(mine.entropy, entropy, atol=1e-5, rtol=0)
    torch.testing.assert_close(mine.total, semantic + motion, atol=1e-5, rtol=0)
    assert_same_gradients(gradients(mine.total, block), gradients(semantic + motion, block), 1e-4)


def test_losses_agree_under_the_same_dropout():
    frames, count, dim, heads = 3, 8, 16, 2
    block, patches, classes = setting(frames, count, dim, heads, dropout=0.0)
    settings = small(count)
    positions = torch.tensor([1, 4, 6])
    whole = frames * (count + 1)
    keep = torch.rand(heads, whole, whole) >= 0.4
    is_patch = naive_losses.interleave(patches, classes)[1]
    among_patches = keep[:, is_patch][:, :, is_patch]

    z, attention = block(patches, classes)
    attention = dataclasses.replace(
        attention, draw=lambda tokens: (among_patches[:, tokens], 1 / 0.6)
    )
    mine = clip_losses(z, attention.rows, positions, settings)
    _, plain_map = naive_losses.full_map(block, patches, classes, lambda a: a * keep / 0.6)
    semantic, motion, entropy = naive(z, plain_map, positions.tolist(), settings)
    assert (plain_map == 0).any()  # entries lost in both heads: log 0 is met
    torch.testing.assert_close(mine.semantic, semantic, atol=1e-5, rtol=0)
    torch.testing.assert_close(mine.motion, motion, atol=1e-5, rtol=0)
    assert torch.isfinite(mine.motion)
    assert_same_gradients(gradients(mine.motion, block), gradients(motion, block), 1e-4)
    assert entropy.isnan() or abs(entropy - mine.entropy) < 1e-5


def test_finite_differences_in_float64():
    block, patches, classes = setting(2, 5, 8, 2)
    block, patches, classes = block.double(), patches.double(), classes.double()
    settings = small(5)
    keep = torch.rand(2, 10, 10) >= 0.3
    given = {}

    def loss(weight):
        """The total, with the detached rows held at their values at the first weight."""
        z, attention = torch.func.functional_call(
            block, {"attn.qkv.weight": weight}, (patches, classes)
        )
        attention = dataclasses.replace(attention, draw=lambda t: (keep[:, t], 1 / 0.7))
        calls = []

        def rows(tokens):
            made = attention.rows(tokens)
            calls.append(tokens)
            # clip_losses asks for the queries first; where it detaches them they count as
            # constants, so a difference quotient has to hold them too.
            return given.setdefault("queries", made.detach()) if len(calls) == 1 else made

        return clip_losses(z, rows, torch.tensor([0, 3]), settings).total

    weight = block.attn.qkv.weight.detach().clone().requires_grad_()
    gradient = torch.autograd.grad(loss(weight), weight)[0]
    for place in [(0, 0), (9, 3), (15, 7), (20, 1)]:
        step = torch.zeros_like(weight)
        step[place] = 1e-6
        quotient = (loss(weight + step) - loss(weight - step)).item() / 2e-6
        assert gradient[place].item() == pytest.approx(quotient, rel=1e-4, abs=1e-7)


def test_gradients_flow_where_they_should():
    block, patches, classes = setting(3, 12, 8, 2)
    settings = small(12)
    positions = torch.tensor([2, 7])
    queries = torch.arange(3)[:, None] * 12 + positions
    z, attention = block(patches, classes)
    z = z.detach().requires_grad_()
    asked = []

    def rows(tokens):
        made = attention.rows(tokens).detach().requires_grad_()
        asked.append((tokens, made))
        return made

    semantic = clip_losses(z, rows, positions, settings).semantic
    to_z, to_rows = torch.autograd.grad(semantic, [z, asked[0][1]], allow_unused=True)
    assert to_z.abs().sum() > 0
    assert to_rows is None  # the choice is not differentiated

    asked.clear()
    motion = clip_losses(z, rows, positions, settings).motion
    (tokens, query_rows), (others, other_rows) = asked
    assert tokens.tolist() == queries.flatten().tolist()
    assert not set(tokens.tolist()) & set(others.tolist())  # one draw of dropout a row
    to_z, to_queries, to_others = torch.autograd.grad(
        motion, [z, query_rows, other_rows], allow_unused=True
    )
    assert to_z is None
    assert to_others.abs().sum() > 0
    # A query's row gets gradients only where it is a pair of its own or of another query.
    attention_in_own = query_rows.unflatten(0, (3, 2))[torch.arange(3), :, torch.arange(3)]
    most, least = most_and_least_attended(
        attention_in_own, settings.frame_positives, settings.frame_negatives
    )
    offsets = torch.arange(3).view(3, 1, 1) * 12
    read = set((most + offsets).flatten().tolist()) | set((least + offsets).flatten().tolist())
    for token, row in zip(tokens.tolist(), to_queries, strict=True):
        assert token in read or row.abs().sum() == 0


def test_weights_of_the_losses():
    block, patches, classes = setting(2, 8, 8, 2)
    z, attention = block(patches, classes)
    losses = clip_losses(
        z, attention.rows, torch.tensor([1]), small(8, semantic_weight=2.0, motion_weight=0.5)
    )
    expected = 2 * losses.semantic + 0.5 * losses.motion
    torch.testing.assert_close(losses.total, expected)


def test_uniform_rows_by_hand():
    """Equal rows: every triplet is the margin, the entropy is log K, the cosines decide."""
    frames, count = 3, 10
    z = torch.ones(frames, count, 4)

    def rows(tokens):
        return torch.ones(len(tokens), frames, count)

    losses = clip_losses(z, rows, torch.tensor([0, 1]), LossSettings())
    assert losses.motion.item() == pytest.approx(1.0)
    assert losses.entropy.item() == pytest.approx(math.log(frames * count), abs=1e-5)
    assert losses.semantic.item() == pytest.approx(0.9, abs=1e-6)  # cosines 1: relu(1 - 0.1)


def test_extremes_take_equals_by_index():
    most, least = most_and_least_attended(torch.tensor([1.0, 0, 3, 3, 0, 1]), 3, 3)
    assert most.tolist() == [2, 3, 0]
    assert least.tolist() == [1, 4, 0]


def test_sample_sizes_shrink_in_proportion():
    assert sample_sizes(920, 30, 200) == (30, 200)
    assert sample_sizes(230, 30, 200) == (30, 200)
    assert sample_sizes(115, 30, 200) == (15, 100)
    assert sample_sizes(6, 30, 200) == (1, 5)
    assert sample_sizes(1, 30, 200) == (1, 1)


@pytest.mark.parametrize("padded", [False, True])
def test_what_is_read_besides_by_hand(padded):
    read, queries = torch.tensor([5, 2, 5, 0, 7]), torch.tensor([2, 3])
    found = read_besides(read, queries, tokens=9, padded=padded).tolist()
    assert found[:3] == [0, 5, 7]
    # As many as there can be: five were read. Queries are never among them.
    assert found[3:] == ([1, 4] if padded else [])
    few = read_besides(torch.arange(4).repeat(3), torch.tensor([0]), tokens=4, padded=padded)
    assert few.tolist() == [1, 2, 3]


def test_padding_changes_nothing(monkeypatch):
    block, patches, classes = setting(3, 12, 16, 2)
    settings, positions = small(12), torch.tensor([1, 4, 6])
    results = []
    for padded in (False, True):
        monkeypatch.setattr(
            losses_of_clips,
            "read_besides",
            lambda *given, padded=padded: read_besides(*given[:3], padded),
        )
        z, attention = block(patches, classes)
        found = clip_losses(z, attention.rows, positions, settings)
        results.append([found.total, *gradients(found.total, block)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
