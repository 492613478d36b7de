"""Data sets of files that hold next to nothing."""

import pytest


@pytest.fixture
def folder(tmp_path):
    """Two folders of images, two films, and what is no video."""
    root = tmp_path / "videos"
    for name in ("cat", "ant", ".hidden"):
        (root / name).mkdir(parents=True)
        (root / name / "0.jpg").touch()
    for name in ("bee.mp4", "Fly.MOV", ".cache.mp4", "notes.txt"):
        (root / name).write_bytes(b"x")
    return root


@pytest.fixture
def davis(tmp_path):
    """Three sequences in the layout of DAVIS, of which two are in a split."""
    root = tmp_path / "davis"
    for name in ("bear", "camel", "dog"):
        (root / "JPEGImages" / "480p" / name).mkdir(parents=True)
        (root / "Annotations" / "480p" / name).mkdir(parents=True)
    (root / "Annotations_instances" / "480p" / "dog").mkdir(parents=True)
    (root / "ImageSets" / "2016").mkdir(parents=True)
    (root / "ImageSets" / "2017").mkdir(parents=True)
    (root / "ImageSets" / "2016" / "val.txt").write_text("dog\nbear\n\n")
    (root / "ImageSets" / "2017" / "val.txt").write_text("camel\n")
    return root
