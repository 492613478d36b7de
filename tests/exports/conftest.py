"""Two videos with masks of every level."""

import pytest

from support.masked_videos import masked_video


@pytest.fixture
def made(tmp_path):
    return [masked_video(tmp_path, "clip-a"), masked_video(tmp_path, "clip-b", 3, seed=1)]
