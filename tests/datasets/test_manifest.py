"""The manifest: what was written is read, batch by batch."""

import json

import pytest

from betrayed.datasets.manifest import (
    COLUMNS,
    drop_untrue_manifests,
    made_from,
    read_manifest,
    rows_of_batch,
)
from betrayed.datasets.manifest import write_manifest as write
from betrayed.errors import UserError
from betrayed.io.files import sha256
from support.listings import listing, places


def row(video, **values):
    return dict.fromkeys(COLUMNS, "") | {"video": video, "source": f"/films/{video}"} | values


def test_the_rows_of_a_batch_are_those_of_its_number_in_the_order_of_the_manifest(tmp_path):
    rows = [row("c", batch="0000"), row("a", batch="p0000"), row("b", batch="0000", name="B, \n")]
    write(tmp_path / "videos.csv", rows)
    assert read_manifest(tmp_path / "videos.csv") == rows
    found = rows_of_batch(tmp_path / "videos.csv", "0000")
    assert list(found.items()) == [("c", rows[0]), ("b", rows[2])]
    assert rows_of_batch(tmp_path / "videos.csv", "0001") == {}


def test_names_with_whatever_signs_come_back(tmp_path):
    names = ["a\rb", "a\nb", "a\r\nb", '"', "a,b", " a ", "\udcff", "NaN", ""]
    rows = [row(f"v{place}", name=name) for place, name in enumerate(names)]
    write(tmp_path / "videos.csv", rows)
    assert read_manifest(tmp_path / "videos.csv") == rows


def test_how_a_video_is_worked_on_does_not_decide_what_is_made_of_it():
    one = row("a", batch="0000", bytes="7", source_content="abc")
    assert made_from(one) == made_from(one | {"batch": "0004", "bytes": "9"})
    for column in set(COLUMNS) - {"batch", "bytes"}:
        assert made_from(one | {column: "another"}) != made_from(one)


def test_another_table_is_no_manifest(tmp_path):
    with pytest.raises(UserError, match=r"videos\.csv does not exist"):
        rows_of_batch(tmp_path / "videos.csv", "0000")
    (tmp_path / "videos.csv").write_text("video,batch\na,0000\n")
    with pytest.raises(UserError, match="has the columns"):
        rows_of_batch(tmp_path / "videos.csv", "0000")


def test_a_manifest_that_is_not_what_was_written_goes(folder, tmp_path):
    """Cut at the end of a line it would pass for a list of fewer videos."""
    path = tmp_path / "results" / "made" / "videos.csv"
    write(path, listing(folder))
    assert drop_untrue_manifests(tmp_path / "results") == []
    memory = path.with_name("listing.json")
    memory.write_text("{}")  # of an earlier version
    assert drop_untrue_manifests(tmp_path / "results") == []
    memory.write_text(json.dumps({"manifest": sha256(path)}))
    assert drop_untrue_manifests(tmp_path / "results") == []
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert drop_untrue_manifests(tmp_path / "results") == [path]
    write(path, listing(folder))
    memory.write_text("{")
    assert drop_untrue_manifests(tmp_path / "results") == [path]
    assert not path.exists()


def test_the_manifest_comes_back_as_it_was(folder, tmp_path):
    rows = listing(folder)
    write(tmp_path / "videos.csv", rows)
    assert (tmp_path / "videos.csv").read_text().splitlines()[0] == (
        "video,name,source,annotations,instances,part,batch,bytes,source_content,truth_content"
    )
    own = ("part", "batch", "bytes", "source_content", "truth_content")
    assert places(tmp_path / "videos.csv") == rows
    whole = [row | dict.fromkeys(own, row["video"]) for row in rows]
    write(tmp_path / "videos.csv", whole)
    assert read_manifest(tmp_path / "videos.csv") == whole
    (tmp_path / "bad.csv").write_text("name\nant\n")
    with pytest.raises(UserError, match="has the columns"):
        read_manifest(tmp_path / "bad.csv")
    with pytest.raises(UserError, match="does not exist"):
        read_manifest(tmp_path / "none.csv")
