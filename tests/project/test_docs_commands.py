"""The commands and the Python of the pages, run as they stand there; and the pages as a site.

A page's blocks run one after another in a folder that has what they speak of: the project, films, a
data set in /data, masks, tables. A comment above a block says where that is not so:

    <!-- not run: why -->     only its syntax is looked at (test_docs.py)
    <!-- planned: why -->     snakemake makes a plan and runs nothing
    <!-- file: mine.yaml -->  the block is this file, for the commands that follow
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from betrayed.io.images import numbered_images, read_image
from betrayed.reporting.tables import PUBLISHED, write_tables
from support.dataset_copies import (
    as_lengths,
    davis2017,
    fbms59,
    movi_e,
    plain_videos,
    youtube_vis,
)
from support.documents import PAGES, blocks
from support.paths import ROOT
from support.score_files import RUNS, A, B, score_sources

pytestmark = pytest.mark.workflow

PARTS = [
    "Snakefile",
    "Makefile",
    "config.yaml",
    "rules",
    "scripts",
    "envs",
    "presets",
    "profiles",
    "benchmarks",
]
RUNNING = [page for page in PAGES if any(one.mark in ("run", "planned") for one in blocks(page))]
# An object that is found in one frame and lost in the next.
LOST = "davis2017-sequence,1,0,J,0.9\ndavis2017-sequence,1,1,J,0.05\n"
# Snakemake as the pages call it, told to make a plan.
PLANNED = 'snakemake() { command snakemake --dry-run --quiet all --nocolor --cores 1 "$@"; }\n'


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The folder that commands run in, and beside it what they know as /data."""
    top = tmp_path_factory.mktemp("pages")
    folder, data = top / "project", top / "data"
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    # An environment that is there already: this one.
    for name in ("bin/activate", "ready", "scorer"):
        (folder / ".venv" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / ".venv" / name).touch()

    plain_videos(folder, count=2)
    (folder / "videos").rename(folder / "my-films")
    (folder / "truth").rename(folder / "my-truth")
    root = davis2017(data / "DAVIS", ["bear", "dog"], ["camel"], ["aerobatics"])
    (root / "ImageSets" / "2016").mkdir()
    for split, name in (("train", "camel"), ("val", "dog")):
        (root / "ImageSets" / "2016" / f"{split}.txt").write_text(f"{name}\n")
    (folder / "DAVIS").symlink_to(root)
    shutil.copytree(root / "Annotations_unsupervised" / "480p", folder / "mymethod")
    shutil.rmtree(folder / "mymethod" / "camel")
    fbms59(data / "FBMS")
    movi_e(data / "movi")
    (data / "movi" / "rgb").rename(data / "movi_e")
    (data / "movi" / "seg").rename(data / "seg")
    youtube_vis(data / "ytvis2019" / "train")
    _tracks(folder)
    _tables(folder)
    return folder, data


def _tracks(folder: Path) -> None:
    """train.json with 900 tiny videos, and results.json with a track in each."""
    mask = np.zeros((8, 8), np.uint8)
    mask[:4] = 1
    videos = [
        {"id": one, "height": 8, "width": 8, "length": 1, "file_names": [f"{one:03d}/0.jpg"]}
        for one in range(1, 901)
    ]
    tracks = [{"video_id": one["id"], "segmentations": [as_lengths(mask)]} for one in videos]
    objects = [{**track, "id": number} for number, track in enumerate(tracks)]
    (folder / "train.json").write_text(json.dumps({"videos": videos, "annotations": objects}))
    found = [{**track, "score": 0.5, "category_id": 1} for track in tracks]
    (folder / "results.json").write_text(json.dumps(found))


def _tables(folder: Path) -> None:
    """Tables of two runs over two data sets, each a part of a benchmark."""
    sources = []
    for run, texts in {"default": {"a": A, "b": B + LOST}, "fine": {"a": B, "b": A}}.items():
        for dataset in ("davis", "made"):
            keys = {"run": run, "dataset": dataset, "benchmark": "davis2017-val"}
            sources += score_sources(folder / "files" / run / dataset, texts, **keys)
    write_tables(folder / "results" / "tables", sources, RUNS, PUBLISHED)


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}


def shell(code: str, folder: Path, data: Path) -> subprocess.CompletedProcess:
    """Run commands with bash; what they know as /data is ours."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code.replace("/data/", f"{data}/")],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def answers(code: str, names: dict) -> list:
    """Run a block; what its lines that are expressions give, as somebody at a prompt sees it."""
    found = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.Expr):
            answer = eval(ast.unparse(node), names)
            found += [] if answer is None else [answer]
        else:
            exec(ast.unparse(node), names)
    return found


def arrays() -> dict[str, np.ndarray]:
    """What a caller of the library brings along."""
    generator = np.random.default_rng(0)
    return {
        "annotations": generator.integers(0, 3, (2, 8, 8)),
        "proposals": generator.integers(0, 3, (2, 8, 8)),
        "queries": generator.normal(size=(2, 2, 6, 4)),
        "keys": generator.normal(size=(2, 2, 6, 4)),
    }


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.name)
def test_what_a_page_shows_runs(page, prepared, monkeypatch):
    folder, data = prepared
    monkeypatch.chdir(folder)
    names = arrays()
    for block in blocks(page):
        if block.mark == "file":
            (folder / block.reason).write_text(block.code)
        elif block.language == "sh" and block.mark != "not run":
            plan = PLANNED if block.mark == "planned" else ""
            done = shell(plan + block.code, folder, data)
            assert done.returncode == 0, f"{block}:\n{block.code}\n{done.stdout[-4000:]}"
        elif block.language == "python" and block.mark == "run":
            for answer in answers(block.code, names):
                assert len(answer), block.code
                if isinstance(answer, pd.DataFrame | pd.Series):
                    assert answer.notna().any(axis=None), block.code


@pytest.mark.parametrize("suffix", ["tif", "webp"])
def test_the_pictures_of_a_stack_become_the_frames_of_a_video(tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    first, *rest = (Image.new("RGB", (16, 8), (60 * index, 9, 9)) for index in range(3))
    first.save(f"stack.{suffix}", save_all=True, append_images=rest, lossless=True)
    (page,) = (page for page in RUNNING if page.name == "videos.md")
    (code,) = (one.code for one in blocks(page) if "ImageSequence" in one.code)
    exec(code.replace("stack.tif", f"stack.{suffix}"), {})
    found = [read_image(path) for path in numbered_images("my-films/stack").values()]
    assert [int(one[0, 0, 0]) for one in found] == [0, 60, 120]


def test_what_breaks_is_noticed(prepared, monkeypatch):
    folder, data = prepared
    monkeypatch.chdir(folder)
    read = 'import pandas as pd\ntable = pd.read_csv("results/tables/summary.csv")\n'
    with pytest.raises(KeyError):
        answers(read + 'table["figure"]\n', {})
    assert answers(read + "table.query(\"metric == 'nothing'\")\n", {})[0].empty
    assert shell("false\nls\n", folder, data).returncode != 0
    wrong = "FBMS59_ROOT=/data/nowhere snakemake --cores all --configfile presets/fbms59.yaml\n"
    done = shell(PLANNED + wrong, folder, data)
    assert done.returncode != 0 and "FBMS59_ROOT (now set)" in done.stdout


# The site


class Loads(HTMLParser):
    """What a page of the site makes a browser load: not where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("src", "srcset", "data", "poster"):
            if given.get(name):
                self.found.append(given[name])
        if tag == "link" and given.get("href"):
            self.found.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_has_every_page_and_needs_no_network(site):
    names = {"README": "index", "CONTRIBUTING": "contributing"}
    for page in PAGES:
        assert (site / f"{names.get(page.stem, page.stem)}.html").is_file(), page.name
    assert not (site / "tools").exists()
    for page in site.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        outside = [one for one in loads.found if re.match(r"(https?:)?//", one)]
        assert not outside, f"{page.name}: {outside}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", style.read_text()), style.name


def test_links_of_the_site_lead_to_its_pages(site):
    """Those of README.md and CONTRIBUTING.md were written for another place."""
    for page in set(site.glob("*.html")) - {site / "404.html"}:
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r'<a href="([^"#:]+\.(?:html|md))', text):
            assert (site / link).is_file(), f"{page.name}: {link}"
        assert "docs/" not in re.findall(r'(?:href|src)="([^"]*)"', text)
