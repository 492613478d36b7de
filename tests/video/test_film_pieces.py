"""Films looked through, cut, and listed in pieces; the frames of pieces and of films."""

import json
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from betrayed.config.films import FilmSettings
from betrayed.datasets.pieces import FILM, LONG, PIECE, Part, Piece, kind_of
from betrayed.engine.parallel import in_parallel
from betrayed.errors import UserError
from betrayed.video.cuts import SHORTEST, CutFinder
from betrayed.video.film_extraction import describe_film, extract_piece, working_size
from betrayed.video.film_pieces import film_rows, taken_whole
from betrayed.video.scanning import scan
from betrayed.video.video import Video
from support.made_films import KINDS, Film, make_film
from support.videos_for_tests import moving_square, write_clip, write_frames

ROW = {"video": "film", "name": "film", "annotations": "", "instances": "", "part": ""}


def scene(count, colour, seed=0):
    """A square that moves over ground of one hue."""
    frames, _ = moving_square(count, seed=seed)
    tint = np.array(colour, float) / 255
    return (frames * tint).astype(np.uint8)


RED, BLUE = (255, 90, 60), (60, 120, 255)


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory):
    frames = np.concatenate([scene(40, RED), scene(50, BLUE, seed=1)])
    return write_clip(tmp_path_factory.mktemp("films") / "film.mp4", frames)


def scanned(path, folder):
    return scan(path, folder / "scan.json", "content")


def rows_of(path, folder, **settings):
    row = {**ROW, "source": str(path), "source_content": "content"}
    rows = film_rows(row, FilmSettings(**settings), folder)
    pieces = [Piece.from_text(one["part"]) for one in rows[1:]]
    return rows, pieces


# Cuts


def shown(frames):
    finder = CutFinder()
    for frame in frames:
        finder.show(frame)
    return finder.cuts


def test_a_cut_is_found_at_its_frame_and_motion_is_none():
    calm = scene(40, RED)
    assert shown(calm) == []
    assert shown(np.concatenate([calm, scene(50, BLUE)])) == [40]
    fast = np.stack([np.roll(calm[0], 13 * t, axis=1) for t in range(40)])
    assert shown(fast) == []


def test_a_flash_is_no_shot():
    calm = scene(60, RED)
    calm[30:33] = 255
    assert len(shown(calm)) <= 1
    calm[5] = 255
    assert SHORTEST == 15 and all(cut >= SHORTEST for cut in shown(calm))


def test_a_flicker_is_no_cut():
    calm = scene(60, RED).astype(float)
    calm[::2] *= 0.3
    assert shown(calm.astype(np.uint8)) == []


# Scans


def test_a_scan_is_stored_and_made_anew_for_other_content(two_shots, tmp_path, monkeypatch):
    found = scanned(two_shots, tmp_path)
    assert (found.count, found.height, found.width, found.cuts) == (90, 48, 64, (40,))
    assert found.fps == pytest.approx(10) and found.seconds == pytest.approx(9)
    assert len(found.stamps) == 90
    monkeypatch.setattr("betrayed.video.scanning._look_through", lambda path: 1 / 0)
    assert scan(two_shots, tmp_path / "scan.json", "content") == found
    with pytest.raises(ZeroDivisionError):
        scan(two_shots, tmp_path / "scan.json", "other")
    spoilt = json.loads((tmp_path / "scan.json").read_text()) | {"pixel_aspect": [1, 0]}
    monkeypatch.setattr("betrayed.video.scanning._look_through", lambda path: found)
    for text in ("{", json.dumps(spoilt)):
        (tmp_path / "scan.json").write_text(text)
        assert scan(two_shots, tmp_path / "scan.json", "content") == found


def test_a_part_of_uneven_frames(tmp_path):
    stamps = (0, 10, 20, 500, 510, 520, 1200, 1210, 2000, 4000)
    path = make_film(tmp_path, replace(Film(KINDS[0], count=10), stamps=stamps))
    found = scanned(path, tmp_path)
    assert found.part(None, None) == (0, 9)
    assert found.part(0.5, 2.0) == (3, 7)
    assert found.part(0.505, 2.01) == (4, 8)
    first, last = found.part(9, None)
    assert last < first


# Which pieces


def test_what_fits_into_a_window_is_one_video_as_ever(tmp_path):
    path = write_clip(tmp_path / "film.mp4", scene(40, RED))
    rows, pieces = rows_of(path, tmp_path)
    assert len(rows) == 1 and rows[0]["part"] == "" and pieces == []
    for asked in ({"height": 64}, {"height": 100}, {"end": 100.0}, {"start": 0.0}):
        assert len(rows_of(path, tmp_path, **asked)[0]) == 1


def test_of_long_films_nothing_is_kept(two_shots, tmp_path):
    """By the frames that are computed, those that two pieces share twice."""
    asked = {"window": 20, "overlap": 4}
    _, pieces = rows_of(two_shots, tmp_path, **asked)
    computed = sum(len(piece.numbers) for piece in pieces)
    assert computed > 90 and all(piece.kept for piece in pieces)
    for most, kept in ((computed, True), (computed - 1, False)):
        rows, found = rows_of(two_shots, tmp_path, **asked, most_kept=most)
        assert found == [replace(piece, kept=kept) for piece in pieces]
        assert {kind_of(row) for row in rows} == {FILM, PIECE if kept else LONG}
    # A film that is one piece is worked on as ever, however long it is.
    path = write_clip(tmp_path / "short.mp4", scene(40, RED))
    assert len(rows_of(path, tmp_path / "others", most_kept=0)[0]) == 1


def test_shots_and_windows_become_pieces(two_shots, tmp_path):
    rows, pieces = rows_of(two_shots, tmp_path, window=20, overlap=4)
    assert [row["video"] for row in rows] == [
        "film",
        *(f"film+{n:03d}" for n in range(len(pieces))),
    ]
    assert Part.from_text(rows[0]["part"]) == Part(0, 89)
    assert [(one.shot, one.first, one.last) for one in pieces] == [
        (0, 0, 15),
        (0, 12, 27),
        (0, 24, 39),
        (1, 40, 59),
        (1, 55, 74),
        (1, 70, 89),
    ]
    whole = rows_of(two_shots, tmp_path, cuts=False)
    assert len(whole[0]) == 1


def test_step_start_end_and_height(two_shots, tmp_path):
    rows, pieces = rows_of(two_shots, tmp_path, step=3, start=1.0, end=6.0, height=48)
    assert Part.from_text(rows[0]["part"]) == Part(10, 59)
    assert pieces == [Piece("film", 0, 10, 37, 3, None), Piece("film", 1, 40, 58, 3, None)]
    tall = write_clip(tmp_path / "tall.mp4", np.zeros((20, 128, 64, 3), np.uint8))
    row = {**ROW, "video": "tall", "source": str(tall), "source_content": "tall"}
    rows = film_rows(row, FilmSettings(height=64), tmp_path)
    assert [Piece.from_text(one["part"]) for one in rows[1:]] == [Piece("tall", 0, 0, 19, 1, 64)]


def test_truth_keeps_a_film_whole_and_damage_is_for_extraction(two_shots, tmp_path):
    row = {**ROW, "source": str(two_shots), "source_content": "content"}
    asked = FilmSettings(step=3)
    assert len(film_rows({**row, "annotations": "truth"}, asked, tmp_path)) == 1
    truth = str(tmp_path)
    said = taken_whole([row, {**row, "name": "my clip", "annotations": truth}], asked)
    assert said.startswith("my clip has ground truth") and "films.step (STEP=) does not" in said
    both = FilmSettings(start=1, height=64)
    said = taken_whole([{**row, "instances": truth}] * 2, both)
    assert "films.start (START=), films.height (HEIGHT=) do not concern them" in said
    assert not taken_whole([row, {**row, "annotations": "nowhere"}], asked)
    assert not taken_whole([{**row, "annotations": truth}], FilmSettings(window=60))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(two_shots.read_bytes()[:900])
    assert len(film_rows({**row, "source": str(broken)}, asked, tmp_path / "new")) == 1


def test_one_frame(tmp_path):
    path = write_clip(tmp_path / "film.mp4", scene(1, RED))
    assert len(rows_of(path, tmp_path)[0]) == 1
    _, pieces = rows_of(path, tmp_path, step=4)
    assert pieces == [Piece("film", 0, 0, 0, 4)]


# Their frames


def test_a_pieces_frames_are_the_films(two_shots, tmp_path):
    found = scanned(two_shots, tmp_path)
    piece = Piece("film", 1, 55, 85, 6)
    extract_piece("film+001", two_shots, tmp_path / "piece", piece, found)
    video = Video.load(tmp_path / "piece/frames.json")
    assert video.numbers == (55, 61, 67, 73, 79, 85) and video.count == 6
    frames = scene(50, BLUE, seed=1)
    for index, number in enumerate(video.numbers):
        assert np.abs(video.frame(index).astype(int) - frames[number - 40]).mean() < 4


def test_a_piece_is_made_smaller(two_shots, tmp_path):
    found = scanned(two_shots, tmp_path)
    extract_piece("film+001", two_shots, tmp_path / "p", Piece("film", 0, 0, 9, 3, 24), found)
    video = Video.load(tmp_path / "p/frames.json")
    assert (video.height, video.width, video.pixel_aspect) == (24, 32, 1)
    assert working_size((50, 101), 25) == (25, 50)
    assert working_size((50, 101), 80) == (50, 101)


def test_a_film_is_read_out_of_itself(two_shots, tmp_path):
    found = scanned(two_shots, tmp_path)
    describe_film("film", two_shots, tmp_path / "film", Part(20, 69), found, "My film")
    video = Video.load(tmp_path / "film/frames.json")
    assert sorted(path.name for path in (tmp_path / "film").iterdir()) == ["frames.json"]
    assert (video.count, video.title, video.fps) == (50, "My film", pytest.approx(10))
    assert video.seconds == pytest.approx(5)
    assert (video.film.start, video.film.end) == (pytest.approx(2), pytest.approx(7))
    whole = np.concatenate([scene(40, RED), scene(50, BLUE, seed=1)])
    for index in (0, 49, 20, 19):
        assert np.abs(video.frame(index).astype(int) - whole[20 + index]).mean() < 4


def _mean(video, index):
    return float(video.frame(index).mean())


@pytest.mark.slow
def test_processes_read_one_film_side_by_side(two_shots, tmp_path):
    """Forked while it is open: they share the file, and must not share the place in it."""
    found = scanned(two_shots, tmp_path)
    describe_film("film", two_shots, tmp_path / "film", Part(0, 89), found)
    video = Video.load(tmp_path / "film/frames.json")
    right = [_mean(video, index) for index in range(90)]
    video.frame(10)
    order = [*range(0, 90, 2), *range(1, 90, 2)]
    told = in_parallel(partial(_mean, video), order, 4, "frames", "frame")
    assert list(told) == [right[index] for index in order]


def test_an_uneven_films_part_keeps_its_times(tmp_path):
    stamps = (0, 10, 20, 500, 510, 520, 1200, 1210, 2000, 4000)
    path = make_film(tmp_path, replace(Film(KINDS[0], count=10), stamps=stamps))
    found = scanned(path, tmp_path)
    describe_film("film", path, tmp_path / "film", Part(3, 7), found)
    video = Video.load(tmp_path / "film/frames.json")
    assert video.times == pytest.approx((0, 0.01, 0.02, 0.7, 0.71))
    assert video.seconds == pytest.approx(1.5)


def test_a_turned_film_with_oblong_pixels(tmp_path):
    film = Film(KINDS[0], count=10, rotation=90, aspect=Fraction(2), height=128)
    path = make_film(tmp_path, film)
    found = scanned(path, tmp_path)
    assert (found.height, found.width, found.pixel_aspect) == (64, 128, Fraction(1, 2))
    extract_piece("film+000", path, tmp_path / "p", Piece("film", 0, 0, 9, 1, 32), found)
    video = Video.load(tmp_path / "p/frames.json")
    assert (video.height, video.width, video.pixel_aspect) == (32, 64, Fraction(1, 2))


def test_a_part_behind_the_end_is_refused(two_shots, tmp_path):
    found = scanned(two_shots, tmp_path)
    part = Part(*found.part(20, None))
    with pytest.raises(UserError, match=r"ends after 8\.90 s, before the part begins"):
        describe_film("film", two_shots, tmp_path / "film", part, found)
    rows, pieces = rows_of(two_shots, tmp_path, start=20.0)
    assert len(rows) == 1 and Part.from_text(rows[0]["part"]).last == 89 and pieces == []


def test_a_part_between_two_frames_is_refused(two_shots, tmp_path):
    found = scanned(two_shots, tmp_path)
    part = Part(*found.part(1.01, 1.02))
    with pytest.raises(UserError, match=r"No frame .* begins between .* one does at 1\.10 s"):
        describe_film("film", two_shots, tmp_path / "film", part, found)


def test_folders_of_images_come_in_pieces_and_lie_where_they_are(tmp_path):
    frames = np.concatenate([scene(40, RED), scene(50, BLUE, seed=1)])
    folder = write_frames(tmp_path / "images", frames, start=7)
    found = scanned(folder, tmp_path)
    assert (found.count, found.cuts, found.fps) == (90, (40,), None)
    assert found.part(1.0, 2.0) == (24, 47)  # 24 a second
    extract_piece("images+001", folder, tmp_path / "piece", Piece("i", 1, 40, 88, 4), found)
    files = json.loads((tmp_path / "piece/frames.json").read_text())["frames"]
    assert files[0] == str(folder / "00047.jpg") and len(files) == 13
    describe_film("images", folder, tmp_path / "film", Part(24, 47), found)
    video = Video.load(tmp_path / "film/frames.json")
    assert video.film is None and video.count == 24
    assert np.array_equal(video.frame(0), Video.load(tmp_path / "film/frames.json").frame(0))
    (folder / "00050.jpg").unlink()
    with pytest.raises(UserError, match="have a gap"):
        scan(folder, tmp_path / "scan.json", "other")


def test_settings_that_do_not_fit_are_refused():
    for wrong in ({"start": 5.0, "end": 4.0}, {"window": 20, "overlap": 11}, {"step": 0}):
        with pytest.raises(ValueError):
            FilmSettings(**wrong)
