import os
from collections import Counter

from betrayed.datasets.batching import LEAST_ON_CPU, assign_batches, batch_size, trained_on
from betrayed.datasets.watching import signature


def test_sizes_keep_all_busy_and_jobs_few():
    assert batch_size(6, parallel=0) == batch_size(2883, parallel=1) == 32
    assert batch_size(30, parallel=8) == 2  # 15 jobs for eight GPUs
    assert batch_size(2883, parallel=8) == 121  # 24 jobs a stage
    assert batch_size(9999, parallel=8) == 128
    assert batch_size(1, parallel=8) == 1


def test_a_gpu_starts_no_job_for_few_videos_unless_another_would_be_idle():
    """Rounds of 8 jobs: one up to 79 videos, two up to 119, three from there on."""
    expected = {1: 1, 8: 1, 30: 4, 60: 8, 79: 10, 80: 5, 119: 8, 120: 5, 2883: 121, 9999: 128}
    assert {n: batch_size(n, parallel=8, least=5) for n in expected} == expected


def test_without_a_gpu_300_videos_come_in_batches_large_enough_to_start_in_a_twentieth():
    """For each number of cores, a job on four of them: the videos of the largest batch."""
    expected = {1: 32, 2: 32, 4: 32, 8: 50, 16: 25, 32: 38, 64: 19}
    sizes = {n: batch_size(300, parallel=n // 4, least=LEAST_ON_CPU) for n in expected}
    assert sizes == expected
    # None is idle for it: six videos on eight cores are three for each of two jobs.
    assert batch_size(6, parallel=2, least=LEAST_ON_CPU) == 3
    assert batch_size(6, parallel=16, least=LEAST_ON_CPU) == 1


def test_videos_keep_their_batch_when_others_come_and_go():
    first = assign_batches(["a", "b", "c", "d", "e"], 2, {})
    assert first == {"a": "0000", "b": "0000", "c": "0001", "d": "0001", "e": "0002"}
    later = assign_batches(["a", "aa", "c", "d", "e", "f", "g"], 2, first)
    assert {one: later[one] for one in "acde"} == {one: first[one] for one in "acde"}
    assert later["aa"] == "0000"  # where b was
    assert (later["f"], later["g"]) == ("0002", "0003")


def test_at_first_no_batch_has_two_videos_more_than_another():
    for videos, size, expected in (
        (30, 4, [4, 4, 4, 3, 4, 4, 4, 3]),
        (7, 3, [3, 2, 2]),
        (6, 3, [3, 3]),
        (2, 5, [2]),
    ):
        names = [f"{n:02d}" for n in range(videos)]
        batches = assign_batches(names, size, {}, "p")
        assert list(batches) == names
        assert list(Counter(batches.values()).values()) == expected
        assert list(dict.fromkeys(batches.values())) == [f"p{n:04d}" for n in range(len(expected))]
    assert assign_batches([], 5, {}) == {}


def test_a_long_film_is_trained_on_in_few_batches_from_all_over_it():
    names = [f"l{number:04d}" for number in range(38)]
    assert trained_on(names) == ["l0000", "l0019"]
    assert trained_on(names[:3]) == ["l0000", "l0002"]
    assert trained_on(names[:2]) == names[:2] and trained_on([]) == []


def test_a_signature_tells_of_every_file_and_not_of_the_place(tmp_path):
    folder = tmp_path / "videos"
    (folder / "bear").mkdir(parents=True)
    frame = folder / "bear" / "0.jpg"
    frame.write_bytes(b"1234")
    before = signature([folder])
    (folder / ".DS_Store").touch()
    assert signature([folder]) == before
    moved = tmp_path / "elsewhere"
    folder.rename(moved)
    assert signature([moved]) == before
    os.utime(moved / "bear" / "0.jpg", (0, 0))
    assert signature([moved]) != before
    assert signature([moved / "bear" / "0.jpg"]) != signature([])
    assert signature([tmp_path / "none"]) == signature([tmp_path / "nothing"])
