"""The page of the report: what stands in it, and that whatever stands there is text."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from betrayed.config.report import ReportSettings
from betrayed.errors import UserError
from betrayed.reporting.report import rendering
from betrayed.reporting.report.page import write_report
from betrayed.reporting.report.sources import STAGES, Sources
from support.paths import ROOT, SCRIPTS
from support.tiny_results import report_list, tiny_clusters, tiny_results, tiny_sweep

EVIL = '<script>document.title="broken"</script>'
QUOTE = "\"><img src=x onerror=alert('x')> & $\\frac$ {{ title }}"

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """A page's elements, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.text, self.inside = [], [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "script"

    def handle_data(self, data):
        self.text += data
        if self.inside:
            self.scripts[-1] += data


def report(tmp_path, names, settings=None, runs=("default",), truth=True, change=None):
    """The text of a report on tiny videos."""
    sources, folder = tiny_results(tmp_path, names, runs, truth)
    sources = change(sources, folder) if change else sources
    settings = settings or ReportSettings()
    write_report(tmp_path / "report.html", sources, folder, tmp_path / "benchmarks", settings)
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def players_of(text):
    found = re.findall(r'<script type="application/json" class="data">(.*?)</script>', text)
    return [json.loads(one) for one in found]


def test_names_are_text_wherever_they_stand(tmp_path):
    def with_failures(sources, folder):
        (folder / "failures.csv").write_text(
            f'stage,dataset,video,reason\ncache_features,toys,x,"no frame: {EVIL}"\n'
        )
        return sources

    text = report(tmp_path, [EVIL, QUOTE], change=with_failures)
    assert EVIL not in text and "<img src=x" not in text
    page = Page(text)
    assert [one for one in page.elements if one[0] == "img" and "onerror" in one[1]] == []
    kinds = [attributes.get("type") for tag, attributes in page.elements if tag == "script"]
    assert kinds == ["application/json"] * 3 + [None] * len(rendering.SCRIPTS)
    assert EVIL in page.text and QUOTE in page.text


def test_a_name_that_is_no_text_is_shown_as_far_as_it_is(tmp_path):
    def renamed(sources, folder):
        path = Path(sources.results[0].frames)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"name": "film-\udcff-one"}))
        return sources

    text = report(tmp_path, ["film-1"], change=renamed)
    assert ">film-?-one</a>" in text and 'aria-label="Player of film-?-one"' in text


def test_a_browser_may_run_our_scripts_alone_and_fetch_nothing(tmp_path):
    text = report(tmp_path, ["a", "b"])
    page = Page(text)
    (policy,) = [
        one["content"]
        for tag, one in page.elements
        if tag == "meta" and "content" in one and "default-src" in one["content"]
    ]
    assert "default-src 'none'" in policy and "img-src data:" in policy
    ours = [
        script
        for script, (_, attributes) in zip(
            page.scripts, [one for one in page.elements if one[0] == "script"], strict=True
        )
        if "type" not in attributes
    ]
    named = set(re.findall(r"'sha256-([^']+)'", policy))
    assert named == {
        base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in ours
    }
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert not re.search(r"url\((?!#)", text)


def test_results_come_first_and_every_figure_says_what_it_was_made_from(tmp_path):
    text = report(tmp_path, ["a", "b", "c"], runs=("default", "other"))
    sections = re.findall(r'<section id="([a-z]+)"', text)
    assert sections[0] == "results"
    assert sections[-2:] == ["settings", "provenance"]
    figures_ = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    # Two scores, each with a comparison, and a training.
    assert len(figures_) == 5
    for one in figures_:
        assert "<svg" in one and "<dt>source</dt>" in one and "currentColor" in one
    assert all("default-tau0.05-abcdef" in one for one in figures_[:4])
    # J of a, b, c: 1/4, 2/4, 3/4.
    assert "<b>0.500</b>" in text and "<b>0.450</b>" in text


def test_a_sweep_has_its_picture_and_its_table(tmp_path):
    assert 'id="sweep"' not in report(tmp_path / "a", ["a"])
    text = report(tmp_path / "b", ["a"], change=swept)
    (section,) = re.findall(r'<section id="sweep">.*?</section>', text, re.DOTALL)
    assert "The sweep over clustering.tau" in section and "currentColor" in section
    (table,) = re.findall(r'<table id="rows-sweep">.*?</table>', section, re.DOTALL)
    rows = [
        [re.sub(r"\s+", " ", re.sub("<[^>]+>", "", cell)).strip() for cell in row]
        for row in (re.findall(r"<td.*?</td>", line, re.DOTALL) for line in table.split("<tr>")[2:])
    ]
    # Of 0.78, 0.79, 0.80: a spread of 0.01, and Student's 4.303 for two degrees of freedom.
    half = 4.303 * 0.01 / 3**0.5
    assert rows[0] == [
        "default", "toys", "0.02", "davis2016", "J_mean",
        f"0.790 [{0.79 - half:.3f}, {0.79 + half:.3f}]", "0.010", "3",
    ]  # fmt: skip
    assert rows[1][2] == "0.1" and rows[1][5].startswith("0.710 [")
    assert 'data-value="0.02"' in table


def test_training_shows_the_clusters_of_a_clip(tmp_path):
    def trained(sources, folder):
        frames = sources.results[0].frames
        runs = [replace(run, clusters=tiny_clusters(tmp_path, frames)) for run in sources.runs]
        return replace(sources, runs=runs)

    text = report(tmp_path, ["a & b"], change=trained)
    (section,) = re.findall(r'<section id="training">.*?</section>', text, re.DOTALL)
    assert "Clusters of a &amp; b while block-1 was trained" in section
    assert section.count("data:image/png") == 2 * (1 + 3)
    for title in ("the frames", "step 10", "2 clusters", "step 40", "3 clusters", "frame 4"):
        assert f">{title}</text>" in section, title
    assert "<dt>clustering.tau</dt><dd>0.05</dd>" in section


def swept(sources, folder):
    return replace(sources, sweep=tiny_sweep(folder))


def test_a_sweep_over_seeds_alone_is_shown(tmp_path):
    def seeds(sources, folder):
        return replace(sources, sweep=tiny_sweep(folder, tau=(0.05,), seeds=1))

    text = report(tmp_path, ["a"], change=seeds)
    assert "one seed each" in text
    (table,) = re.findall(r'<table id="rows-sweep">.*?</table>', text, re.DOTALL)
    assert ">seeds</button>" in table and ">spread</button>" not in table


def test_only_so_many_get_a_player_and_all_are_in_the_table(tmp_path):
    names = [f"video-{index:02d}" for index in range(9)]
    text = report(tmp_path, names, ReportSettings(videos=3, runs=1), runs=("one", "two"))
    found = players_of(text)
    assert [len(one["runs"]) for one in found] == [1, 1, 1]
    shown = re.findall(r'aria-label="Player of ([^"]+)"', text)
    assert shown == ["video-00", "video-04", "video-08"]
    assert "3 of 9 videos, evenly spaced from the worst to the best by J&amp;F" in text
    (table,) = re.findall(r'<table id="rows-videos">.*?</table>', text, re.DOTALL)
    assert table.count("<tr>") == 1 + 18 and table.count("<img") == 9


def test_failures_are_shown_with_their_reasons(tmp_path):
    def lost(sources, folder):
        (folder / "failures.csv").write_text(
            "stage,dataset,video,reason\ncache_features,toys,lost,The frame 3 is damaged.\n"
            "score_video,toys,lost,There is no truth.\n"
        )
        gone = [
            replace(sources.results[0], video=name, objects="gone.csv", tracks="gone.h5")
            for name in ("lost", "deleted")
        ]
        return Sources(sources.runs, [*sources.results, *gone])

    text = report(tmp_path, ["a"], change=lost)
    assert "1 video was given up" in text and "The frame 3 is damaged." in text
    # What has a reason is not named once more.
    assert "Without masks in some run: toys / deleted." in text
    assert len(players_of(text)) == 1


def test_without_failures_it_says_whether_any_were_recorded(tmp_path):
    def empty(sources, folder):
        (folder / "failures.csv").write_text("stage,dataset,video,reason\n")
        return sources

    assert "left no table of failures" in report(tmp_path / "a", ["a"])
    assert "No video failed." in report(tmp_path / "b", ["a"], change=empty)


def test_without_truth_it_shows_what_was_found(tmp_path):
    text = report(tmp_path, ["a", "b"], truth=False)
    assert "There is no ground truth" in text
    (data, _) = players_of(text)
    assert data["truth"] is None and data["runs"][0]["colours"] == {}
    assert 'id="worst"' not in text


def test_nothing_to_report_is_an_error(tmp_path):
    def lost(sources, folder):
        gone = [replace(result, objects="gone.csv") for result in sources.results]
        return Sources(sources.runs, gone)

    with pytest.raises(UserError, match="nothing to report"):
        report(tmp_path, ["a"], change=lost)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    "content", ["stage,video\n", "stage,dataset,video\nx,y,z\n"], ids=["two", "no reason"]
)
def test_an_unfit_table_of_failures_is_refused(tmp_path, content):
    def unfit(sources, folder):
        (folder / "failures.csv").write_text(content)
        return sources

    with pytest.raises(UserError, match=r"failures\.csv lacks the column"):
        report(tmp_path, ["a"], change=unfit)


def test_the_program_writes_the_report(tmp_path):
    sources, folder = tiny_results(tmp_path, ["a"])
    paths = {stage: getattr(sources.results[0], stage) for stage in STAGES}
    stored = report_list(tmp_path, {"a": paths}, {"lost": "frames"})
    (tmp_path / "list.json").write_text(json.dumps(stored))
    command = [sys.executable, str(SCRIPTS / "make_report.py")]
    command += ["--results", str(tmp_path / "list.json"), "--tables", str(folder)]
    command += ["--benchmarks", str(tmp_path / "benchmarks")]
    command += ["--output", str(tmp_path / "out" / "report.html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "toys / lost" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    done = subprocess.run([*command, "--settings", '{"frames": 0}'], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: --settings: frames")


def test_figures_are_written_for_paper(tmp_path):
    sources, folder = tiny_results(tmp_path, ["a", "b"])
    arguments = sources, folder, tmp_path / "benchmarks", ReportSettings(), tmp_path / "figures"
    write_report(tmp_path / "report.html", *arguments)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "scores-toys-davis2016-J_mean.svg",
        "scores-toys-davis2017-sequence-J-F.svg",
        "training-block-1.svg",
    ]
    for path in (tmp_path / "figures").iterdir():
        text = path.read_text()
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "currentColor" not in text and 'fill="#ffffff"' in text
