import numpy as np
import pytest

from betrayed.errors import UserError
from betrayed.features.whole_video import read_class_attention
from betrayed.io.artefacts import create
from betrayed.objects.cues import attention_cue, border_cue, local_motion_cue, motion_cue


def test_motion_compares_with_the_frames_own_median():
    residual = np.full((2, 3, 3), 0.3)
    residual[1] *= 2  # the whole frame twice as fast: nothing stands out in it
    residual[0, 1, 1] = 3.9
    cue = motion_cue(residual)
    assert cue[1] == pytest.approx(np.zeros((3, 3)))
    assert cue[0, 1, 1] == pytest.approx(np.log(4.0 / 0.4))


def test_local_motion_by_hand():
    """Each frame's motion cue over what 2 % of its places exceed, at least over 0.5."""
    residual = np.zeros((3, 1, 101))  # 101 places: the quantile is the 99th of them
    residual[0, 0, -4:] = 0.1 * (np.e**2 - 1)  # the cue of what moves is 2
    residual[1, 0, -4:] = 0.1 * (np.e**0.25 - 1)  # it is 0.25: nothing moves in this frame
    residual[2, 0, -2:] = 0.1 * (np.e**6 - 1)  # only specks do
    cue = local_motion_cue(residual)
    np.testing.assert_allclose(cue[:, 0, -1], [1, 0.5, 12])
    np.testing.assert_allclose(cue[:, 0, 0], 0, atol=1e-12)


def test_frames_count_alike_in_local_motion():
    fast = np.random.default_rng(0).uniform(0, 9, (1, 20, 30))
    residual = np.concatenate([fast, 0.2 * fast, np.zeros_like(fast)])
    cue = local_motion_cue(residual)
    assert np.quantile(cue[:2], 0.98, axis=(1, 2)) == pytest.approx([1, 1])
    assert not cue[2].any()


def test_attention_compares_with_the_frames_own_median():
    attention = np.full((1, 3, 3), 0.01)
    attention[0, 0, 0] = 0.02
    assert attention_cue(attention)[0, 0, 0] == pytest.approx(np.log(2.05))
    assert attention_cue(np.zeros((1, 2, 2))).max() == pytest.approx(np.log(0.05))


def test_border_cue_is_what_keeps_off_the_border():
    assert border_cue((1, 3, 4))[0].tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert not border_cue((2, 2, 5)).any()


def test_class_attention_is_read_on_its_grid(tmp_path):
    with create(tmp_path / "f.h5", "features", {"video": "toy"}) as file:
        file["class_attention"] = np.arange(12, dtype=np.float16).reshape(2, 6)
        file.attrs["grid"] = (2, 3)
    read = read_class_attention(tmp_path / "f.h5")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, np.arange(12).reshape(2, 2, 3))


def test_views_have_no_class_attention(tmp_path):
    with create(tmp_path / "views.h5", "features", {"video": "toy"}) as file:
        file.create_group("view0")
    with pytest.raises(UserError, match=r"views\.h5 has no class attention"):
        read_class_attention(tmp_path / "views.h5")
