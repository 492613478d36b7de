"""The report of a run is made when it is asked for, from what the run left."""


def test_the_report_is_made_when_it_is_asked_for(project):
    jobs = {"list_report": 1, "report_html": 1}
    assert "report_html" not in project.planned("--forceall")
    assert project.planned("report_html") == jobs
    project.run("report_html")
    text = (project.folder / "results" / "report.html").read_text(encoding="utf-8")
    assert text.count('class="player"') == 3
    # Whatever a player can show is there: nothing was looked for in the wrong place.
    assert all(f'"{layer}": null' not in text for layer in ("truth", "parts", "tracks"))
    assert all(f'"{layer}": null' not in text for layer in ("backbone", "block"))
    assert "Training of made-12steps" in text
    assert project.planned("report_html") == {}
    project.change({"report": {"videos": 1}})
    assert project.planned("report_html") == {"report_html": 1}
    assert project.planned() == {}


def test_pictures_of_attention_are_made_when_they_are_asked_for(project):
    assert set(project.planned("attention_pictures")) == {"draw_attention", "attention_pictures"}
    project.run("attention_pictures")
    found = (project.folder / "results" / "attention_pictures").rglob("*.*")
    assert len([path for path in found if path.is_file()]) == 3 * 4
    assert project.planned("attention_pictures") == {}
