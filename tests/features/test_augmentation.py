"""One draw for a whole video and view, applied alike to all its frames."""

import pytest
import torch

from betrayed.features.augmentation import View, augment, draw_view


def test_a_draw_depends_on_seed_video_and_view_alone():
    assert draw_view(0, "bear", 1) == draw_view(0, "bear", 1)
    draws = {draw_view(seed, video, view) for seed in (0, 1) for video in "ab" for view in (0, 1)}
    assert len(draws) == 8


def test_a_draw_is_the_same_on_every_machine():
    first, second = draw_view(0, "bear", 0), draw_view(0, "bear", 1)
    assert [name for name, _ in first.jitter] == ["contrast", "brightness", "hue", "saturation"]
    factors = [1.359586789830929, 1.311908206190671, 0.06787655142521593, 0.937524281151203]
    assert [factor for _, factor in first.jitter] == pytest.approx(factors, rel=1e-12)
    assert (first.grey, first.sigma) == (False, None)
    assert second.sigma == pytest.approx(1.6189860139180898, rel=1e-12)


def test_chances_and_strengths():
    views = [draw_view(0, "video", index) for index in range(4000)]
    jittered = [dict(view.jitter) for view in views if view.jitter]
    assert len(jittered) / 4000 == pytest.approx(0.8, abs=0.03)
    assert sum(view.grey for view in views) / 4000 == pytest.approx(0.2, abs=0.03)
    sigmas = torch.tensor([view.sigma for view in views if view.sigma is not None])
    assert len(sigmas) / 4000 == pytest.approx(0.5, abs=0.03)
    assert sigmas.min() >= 0.1 and sigmas.max() <= 2
    assert sigmas.mean() == pytest.approx(1.05, abs=0.05)
    strengths = [("brightness", 1, 0.4), ("contrast", 1, 0.4), ("saturation", 1, 0.4)]
    for what, middle, reach in [*strengths, ("hue", 0, 0.1)]:
        factors = torch.tensor([one[what] for one in jittered])
        assert (factors - middle).abs().max() <= reach
        assert factors.std() == pytest.approx(reach / 3**0.5, rel=0.05)
    assert len({tuple(name for name, _ in view.jitter) for view in views}) == 25  # 4! and none


def test_every_frame_gets_the_same():
    torch.manual_seed(0)
    images = torch.rand(3, 3, 20, 24)
    everything = View(
        (("hue", 0.1), ("contrast", 1.3), ("saturation", 0.7), ("brightness", 0.8)), True, 1.5
    )
    for view in [everything, View(everything.jitter, False, None), View((), False, 0.3)]:
        together = augment(images, view)
        assert together.shape == images.shape
        assert together.min() >= 0 and together.max() <= 1
        assert not torch.equal(together, images)
        for one, expected in zip(images, together, strict=True):
            torch.testing.assert_close(augment(one[None], view)[0], expected)


def test_nothing_drawn_changes_nothing():
    images = torch.rand(1, 3, 8, 8)
    assert torch.equal(augment(images, View((), False, None)), images)


def test_the_parts_do_what_they_are_called():
    images = torch.rand(1, 3, 16, 16)
    grey = augment(images, View((), True, None))
    assert torch.equal(grey[:, 0], grey[:, 1]) and torch.equal(grey[:, 1], grey[:, 2])
    blurred = augment(images, View((), False, 2.0))
    assert blurred.std() < images.std() / 2
    darker = augment(images, View((("brightness", 0.6),), False, None))
    torch.testing.assert_close(darker, images * 0.6)
    # The widest blur still fits an image smaller than its reach.
    assert augment(torch.rand(1, 3, 4, 4), View((), False, 2.0)).shape == (1, 3, 4, 4)
