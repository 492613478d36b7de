import os

import pytest

from betrayed.datasets.watching import signature


@pytest.fixture
def folder(tmp_path):
    for name in ("v/0.jpg", "v/1.jpg", "a.mp4"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(b"x")
    return tmp_path / "data"


def test_litter_is_not_watched(folder):
    before = signature([folder])
    for name in (".DS_Store", "v/Thumbs.db", "@eaDir/v.jpg", "v/__MACOSX/0.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert signature([folder]) == before
    (folder / "v" / "2.jpg").touch()
    assert signature([folder]) != before


def test_links_in_a_circle_end(folder):
    for name in ("one", "two"):
        (folder / "v" / name).symlink_to(folder)
    assert signature([folder]) == signature([folder])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_passed_over(folder):
    (folder / "v").chmod(0)
    assert signature([folder])
    (folder / "v").chmod(0o755)


def test_files_below_a_level_may_be_left_out(folder):
    (folder / "v" / "deep").mkdir()
    before, whole = signature([folder], 2), signature([folder])
    (folder / "v" / "deep" / "9.jpg").touch()
    assert signature([folder], 2) == before and signature([folder]) != whole
    shallow = signature([folder], 1)
    (folder / "v" / "2.jpg").touch()
    assert signature([folder], 2) != before and signature([folder], 1) == shallow
