"""The file of one video reaches the disk, and the next one is read, while one is computed."""

import threading
import time
import weakref
from functools import partial
from pathlib import Path

import pytest

from betrayed.engine import batches
from betrayed.engine.batches import Batch, ReadsAhead
from betrayed.engine.parallel import overlapped
from betrayed.engine.records import Failure, Record
from betrayed.errors import ShortageError, UserError
from betrayed.io.files import whole_file

LONG = 20  # seconds after which a test has failed


def results(begin, items):
    """Of items of which nothing is to be read."""
    return overlapped(lambda item: None, lambda item, given: begin(item), items)


def numbers(begin, items):
    return list(results(begin, items))


def test_the_next_is_begun_before_the_end_of_the_one_before():
    begun = {number: threading.Event() for number in range(6)}
    where = []

    def begin(number):
        where.append(threading.current_thread())
        begun[number].set()

        def end():
            assert number == 5 or begun[number + 1].wait(LONG)
            assert threading.current_thread() not in where
            return number**2

        return end

    assert numbers(begin, range(6)) == [0, 1, 4, 9, 16, 25]
    assert set(where) == {threading.current_thread()}


def test_few_ends_are_open_and_results_keep_their_order():
    begun, ended = [], []

    def begin(number):
        begun.append(number)
        assert len(begun) - len(ended) <= 3

        def end():
            time.sleep(0.1 if number % 3 == 0 else 0)
            ended.append(number)
            return number

        return end

    assert numbers(begin, range(9)) == list(range(9))
    assert ended != sorted(ended)


def test_what_leaves_no_end_is_done_one_by_one():
    log = []
    for result in results(lambda number: log.append(number) or number, range(3)):
        log.append(f"{result} is told")
    assert log == [0, "0 is told", 1, "1 is told", 2, "2 is told"]


@pytest.mark.parametrize("place", ["begin", "end"])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_after_an_error_nothing_is_begun_and_all_is_ended(place, error):
    begun, ended = [], []
    last, failed = threading.Event(), threading.Event()

    def begin(number):
        begun.append(number)
        if number == 2:
            last.set()
            if place == "begin":
                failed.set()
                raise error
            # 1 fails meanwhile, and is not the first that is waited for.
            assert failed.wait(LONG)
            time.sleep(0.1)

        def end():
            assert last.wait(LONG)
            if number == 1 and place == "end":
                failed.set()
                raise error
            assert failed.wait(LONG)
            time.sleep(0.3)
            ended.append(number)

        return end

    with pytest.raises(error):
        numbers(begin, range(9))
    assert begun == [0, 1, 2]
    assert sorted(ended) == ([0, 1] if place == "begin" else [0, 2])


def test_the_next_and_no_more_is_read_meanwhile():
    started, threads = [], set()
    next_one = {number: threading.Event() for number in range(5)}

    def read(number):
        threads.add(threading.current_thread())
        started.append(number)
        next_one[number].set()
        return number**2

    def compute(number, given):
        assert number == 4 or next_one[number + 1].wait(LONG)
        time.sleep(0.02)
        assert started == list(range(min(5, number + 2)))
        return given()

    assert list(overlapped(read, compute, range(5))) == [0, 1, 4, 9, 16]
    assert len(threads) == 1 and threads & set(threading.enumerate()) == set()


def test_what_reading_raises_comes_in_its_turn():
    def compute(number, given):
        if number != 1:
            return given()
        with pytest.raises(ZeroDivisionError):
            given()
        return "bad"

    found = overlapped(lambda number: 1 // (number - 1), compute, [0, 1, 2])
    assert list(found) == [-1, "bad", 1]
    assert list(overlapped(lambda number: number, compute, [])) == []


def test_what_was_read_is_let_go_before_one_more_is():
    """While the end of an item is under way it holds nothing that was read."""
    read = weakref.WeakSet()

    class Data:
        pass

    def reading(number):
        assert len(read) <= 1  # that of the item at hand
        data = Data()
        read.add(data)
        return data

    def compute(number, given):
        assert isinstance(given(), Data)
        return lambda: time.sleep(0.01)

    assert list(overlapped(reading, compute, range(9))) == [None] * 9


def test_after_ctrl_c_what_is_being_read_is_waited_for_and_nothing_else_is():
    begun, read = threading.Event(), []

    def slowly(number):
        if number:
            begun.set()
            time.sleep(0.1)
        read.append(number)

    def compute(number, given):
        assert begun.wait(LONG)
        raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        list(overlapped(slowly, compute, range(9)))
    assert read == [0, 1] and set(threading.enumerate()) == before


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "source_digest", lambda stage: f"code of {stage}")
    return tmp_path


def job(work, videos, processes=1):
    return run(ReadsAhead(work.read) if isinstance(work, Work) else work, videos, processes)


def run(work, videos, processes=1):
    sources = dict.fromkeys(videos, "source")
    batch = Batch("shout", "r/0000.json", lambda video: [f"out/{video}.txt"], sources=sources)
    batch.run(lambda: work, processes)
    return Record.read("r/0000.json")


def stamped():
    return sorted(path.stem for path in Path("r/videos").glob("*.json"))


def left():
    """All that is there but stamps and the record, hidden files too."""
    everything = [*Path("out").iterdir(), *Path("r/videos").iterdir()]
    return sorted(path.name for path in everything if path.suffix != ".json")


class Work:
    """Writes a video's name; the rest of a video waits until the next is under way."""

    def __init__(self, *bad, at="the end", error=UserError):
        self.bad, self.at, self.error = bad, at, error
        self.computed, self.threads, self.early = [], set(), []
        self.begun = {}

    def read(self, task):
        assert threading.current_thread() is not threading.main_thread()
        if self.at == "reading":
            if task.video in self.bad:
                self.begun.setdefault(task.video, threading.Event()).set()
            self._raise(task)
        return partial(self, task)

    def __call__(self, task):
        self.threads.add(threading.current_thread())
        self.early += [video for video in self.computed[-1:] if Path(f"out/{video}.txt").exists()]
        self.computed.append(task.video)
        self.begun.setdefault(task.video, threading.Event()).set()
        if self.at == "the beginning":
            self._raise(task)
        return lambda: self._end(task)

    def _end(self, task):
        with whole_file(task.output) as path:
            path.write_text(task.video)
            following = chr(ord(task.video) + 1)
            if following <= "c":
                assert self.begun.setdefault(following, threading.Event()).wait(LONG)
                time.sleep(0.1)
            if self.at == "the end":
                self._raise(task)

    def _raise(self, task):
        if task.video in self.bad:
            raise self.error(f"{task.video} is bad.")


def test_stamps_and_messages_are_those_of_one_after_the_other(folder, capsys):
    work = Work()
    record = job(work, "abc")
    assert (work.computed, work.early, work.threads) == (list("abc"), [], {threading.main_thread()})
    assert list(record.videos) == stamped() == list("abc")
    assert left() == ["a.txt", "b.txt", "c.txt"]
    assert capsys.readouterr().err.splitlines() == [
        "shout: 3 to compute, 0 up to date",
        *(f"shout: {number} of 3 videos" for number in (1, 2, 3)),
    ]
    again = Work()
    assert job(again, "abc") == record and again.computed == []


def test_a_rest_is_done_in_processes_too(folder):
    assert list(job(write_later, "abc", processes=2).videos) == list("abc") == stamped()


def write_later(task):
    return lambda: task.output.write_text(task.video)


@pytest.mark.parametrize("at", ["reading", "the beginning", "the end"])
def test_a_bad_video_is_left_out_and_its_neighbours_are_whole(folder, at, capsys):
    Path("out").mkdir()
    Path("out/b.txt").write_text("made once from other data")
    record = job(Work("b", at=at), "abc")
    assert list(record.videos) == stamped() == ["a", "c"]
    assert record.failures == {"b": Failure("shout", "b is bad.")}
    assert left() == ["a.txt", "c.txt"]
    told = capsys.readouterr().err.splitlines()[1:]
    assert told[1:3] == ["shout: 2 of 3 videos", "error: b is left out: b is bad."]


@pytest.mark.parametrize("at", ["reading", "the beginning", "the end"])
@pytest.mark.parametrize("error", [ShortageError, ZeroDivisionError])
def test_what_is_no_videos_fault_ends_the_job(folder, at, error):
    work = Work("b", at=at, error=error)
    with pytest.raises(error, match=r"b is bad\."):
        job(work, "abcdef")
    assert "a" in stamped() and "b" not in stamped()
    assert set(work.computed) <= set("abcde")
    assert left() == [f"{video}.txt" for video in stamped()]  # no half files, no locks
    assert not Path("r/0000.json").exists()


def test_ctrl_c_undoes_what_is_computed_and_keeps_what_is(folder):
    work = Work("b", at="the beginning", error=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        job(work, "abc")
    assert work.computed == ["a", "b"]
    assert stamped() == ["a"] and left() == ["a.txt"]


def test_what_another_job_makes_meanwhile_is_not_computed(folder, capsys):
    """It was read for nothing, and that it could not be read no longer matters."""
    done = []

    def read(task):
        if task.video == "b":
            raise UserError("b is bad.")
        return partial(compute, task)

    def compute(task):
        if not done:
            job(lambda task: task.output.write_text("of the other"), "b")
        done.append(task.video)
        task.output.write_text(task.video)

    record = run(ReadsAhead(read), "abc")
    assert done == ["a", "c"] and Path("out/b.txt").read_text() == "of the other"
    assert list(record.videos) == stamped() == list("abc") and record.failures == {}
