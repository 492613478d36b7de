"""Films under any name, in a folder of any name, from the list to the overlay."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pytest

from support.made_films import KINDS, Film, make_film
from support.videos_for_tests import moving_square, write_clip
from support.workflow_project import Project, computed

ROOT = "data/my films {1} 100%"
FILMS = {
    "evaluate": ["videos"],
    "datasets": {"videos": {"root": ROOT, "root_variable": None}},
    "training": {"dataset": "videos", "videos": [], "short_videos": "skip"},
    "pictures": {"draw": True},
}


@pytest.fixture(scope="module")
def films(tmp_path_factory, package):
    project = Project(tmp_path_factory.mktemp("films") / "project", FILMS, package)
    folder = project.folder / ROOT
    frames, _ = moving_square(10, 84, 154)
    for name in ("my clip (1).mp4", "a{b}.mkv", "日本.mp4", "-x.mp4", 'it\'s "q" 50%.mp4'):
        write_clip(folder / name, frames)
    film = Film(KINDS[0], height=84, width=154, count=10, aspect=Fraction(2))
    make_film(
        folder, replace(film, stamps=(0, 10, 20, 500, 510, 520, 1200, 1210, 2000, 4000)), "vfr"
    )
    make_film(folder, Film(KINDS[8], height=84, width=154, count=10), "anim")
    write_clip(folder / "black.mp4", np.zeros_like(frames))
    (folder / "broken.mp4").write_bytes((folder / "vfr.mp4").read_bytes()[:900])
    (folder / ".DS_Store").touch()
    (folder / "@eaDir").mkdir()
    (folder / "notes.txt").touch()
    return project, project.run(check=False)


def test_every_film_is_segmented_under_its_own_name(films):
    project, text = films
    videos = pd.read_csv(project.folder / "results/tables/videos.csv")
    names = {"my clip (1)", "a{b}", "日本", "-x", 'it\'s "q" 50%', "vfr", "anim", "black"}
    assert set(videos["name"]) == names
    assert videos["video"].str.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*").all()
    for video in videos["video"]:
        (overlay,) = project.folder.glob(f"results/pictures/*/videos/{video}/overlay.mp4")
        with av.open(str(overlay)) as container:
            seconds = videos.set_index("video")["seconds"][video]
            assert container.duration / 1e6 == pytest.approx(seconds, abs=0.002)
    assert "notes.txt is no video that is known by its suffix" in text
    assert "eaDir" not in text


def test_the_broken_film_is_named_and_the_black_one_has_no_object(films):
    project, text = films
    failures = pd.read_csv(project.folder / "results/tables/failures.csv")
    assert failures["video"].tolist() == ["broken"]
    assert "broken.mp4 is cut short" in failures["reason"].item()
    assert "Nothing stands out in black" in text
    (objects,) = project.folder.glob("results/videos/masks/*/black/objects.csv")
    assert not pd.read_csv(objects)["foreground"].any()


def test_litter_and_touched_films_rerun_nothing(films):
    project, _ = films
    folder = project.folder / ROOT
    (folder / "broken.mp4").unlink()
    (folder / ".DS_Store").write_text("moved")
    (folder / "Thumbs.db").touch()
    for path in folder.iterdir():
        path.touch()
    assert computed(project.run()) == {}
    assert project.planned() == {}
