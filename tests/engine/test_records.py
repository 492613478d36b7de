"""What a job leaves behind, and what becomes of it when it is not true any more."""

import os
from pathlib import Path

import pytest

from betrayed.engine.records import Failure, Made, Record, drop_untrue, entries_of
from betrayed.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_record_is_read_as_it_was_written():
    made = {"bear": Made("bear.txt", 4, "key", images="other"), "dog": Made("dog.txt", 3, "key")}
    record = Record("shout", made, {"bad": Failure("extract_frames", "It is damaged.")})
    for path in ("one.json", "again.json"):
        record.write(path)
    assert Record.read("one.json") == record
    assert Path("one.json").read_bytes() == Path("again.json").read_bytes()


def test_records_of_batches_are_joined_in_order():
    first = Record("shout", {"b": Made("b.txt", 1, "1")}, {"x": Failure("one", "Bad.")})
    second = Record("shout", {"a": Made("a.txt", 1, "2")}, {"y": Failure("two", "Worse.")})
    joined = Record.joined(iter([first, second]))
    assert joined == Record("shout", first.videos | second.videos, first.failures | second.failures)
    assert list(joined.videos) == ["b", "a"]
    assert Record.joined([first]) == first


def test_no_record_is_refused():
    with pytest.raises(UserError, match="does not exist"):
        Record.read("none.json")
    Path("none.json").write_text('{"stage": "x", "videos": {"a": {}}, "failures": {}}')
    with pytest.raises(UserError, match=r"none\.json is no record of a batch"):
        Record.read("none.json")


def recorded(failures=None):
    """A record of one video in the folder of results, and the video's artefact."""
    artefact, path = Path("results/made/shout/bear.txt"), Path("results/made/records/0000.json")
    artefact.parent.mkdir(parents=True, exist_ok=True)
    artefact.write_text("BEAR")
    Record("shout", {"bear": Made(str(artefact), 4, "key")}, failures or {}).write(path)
    return path, artefact


def test_records_that_are_not_true_go():
    record, artefact = recorded()
    stamp = record.parent / "videos" / "bear.json"
    stamp.parent.mkdir()
    stamp.write_text("{}")
    assert drop_untrue("results", failures=True) == []
    os.utime(artefact, (0, 0))
    assert drop_untrue("results", failures=True) == []
    artefact.write_text("BEARS")
    assert drop_untrue("results", failures=False) == [record]
    recorded()
    artefact.unlink()
    assert drop_untrue("results", failures=False) == [record]
    assert stamp.exists()
    record.write_text("{}")
    assert drop_untrue("results", failures=False) == [record]
    assert drop_untrue("nowhere", failures=True) == []


def test_whatever_is_gone_of_a_video_is_noticed_at_the_start():
    """Whoever deletes an overlay or a mask waits for another one."""
    record, artefact = recorded()
    overlay, masks = artefact.with_name("overlay.mp4"), artefact.parent / "bear"
    overlay.write_text("film")
    (masks / "foreground").mkdir(parents=True)
    (masks / "foreground" / "0.png").write_text("mask")
    made = Made(str(artefact), 4, "key", others=entries_of([overlay, masks, Path("none")]))
    assert sorted(made.others.values()) == [0, 1, 1]
    for gone in (overlay, masks / "foreground" / "0.png", masks / "foreground"):
        Record("shout", {"bear": made}).write(record)
        assert Record.read(record).videos == {"bear": made}
        (masks / ".DS_Store").write_text("of a file browser, which is nobody's")
        assert drop_untrue("results", failures=True) == []
        (masks / ".DS_Store").unlink()
        gone.rename("away")
        assert drop_untrue("results", failures=True) == [record]
        Path("away").rename(gone)


def test_those_with_failures_of_their_own_stage_are_tried_again():
    record, _ = recorded({"bad": Failure("extract_frames", "It is damaged.")})
    assert drop_untrue("results", failures=True) == []
    record, _ = recorded({"bad": Failure("shout", "It is damaged.")})
    assert drop_untrue("results", failures=False) == []
    assert drop_untrue("results", failures=True) == [record]


def test_the_record_of_a_block_that_is_gone_goes():
    block, record = Path("results/blocks/a/block.pt"), Path("results/blocks/a/record.json")
    block.parent.mkdir(parents=True)
    block.write_text("block")
    Record("train_block", {"block": Made(str(block), 5, "key")}).write(record)
    assert drop_untrue("results", failures=False) == []
    block.unlink()
    assert drop_untrue("results", failures=False) == [record]
    assert not record.exists()
