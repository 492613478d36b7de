"""A film's masks from those of its pieces."""

import numpy as np
import pandas as pd
import pytest

from betrayed.datasets.pieces import Part, Piece
from betrayed.io.palette import read_ids
from betrayed.objects.joining import _at_size, _joined_parts, join_pieces
from betrayed.objects.looks import read_looks
from betrayed.video.film_extraction import describe_film
from betrayed.video.scanning import scan
from betrayed.video.video import Video
from support.film_masks import piece_masks
from support.naive_presence import check_presence
from support.videos_for_tests import moving_square, write_clip

COUNT = 24
DOG, CAT, GROUND = np.array([9.0, 0, 1]), np.array([0, 9.0, 1]), np.array([0, 0, 1.0])


@pytest.fixture
def film(tmp_path):
    frames, ids = moving_square(COUNT)
    path = write_clip(tmp_path / "film.mp4", frames)
    found = scan(path, tmp_path / "scan.json", "content")

    def described(first=0, last=COUNT - 1):
        describe_film("film", path, tmp_path / "film", Part(first, last), found)
        return Video.load(tmp_path / "film/frames.json")

    return described, ids


def joined(folder, video, first, pieces, alike=0.6):
    join_pieces(folder / "joined", video, first, pieces, alike)
    kinds = ("proposals", "foreground")
    files = {kind: sorted((folder / "joined" / kind).iterdir()) for kind in kinds}
    assert [len(one) for one in files.values()] == [video.count] * 2
    proposals, foreground = (np.stack([read_ids(one) for one in files[kind]]) for kind in kinds)
    table = pd.read_csv(folder / "joined/objects.csv")
    check_presence(folder / "joined", table)
    return proposals, foreground, table


def test_an_object_that_crosses_a_window_keeps_its_number(film, tmp_path):
    """The second window numbers its objects otherwise, and has one more."""
    described, ids = film
    swapped = np.where(ids == 1, 2, 0).astype(np.uint8)
    swapped[:, 40:, :] = 1
    pieces = [
        piece_masks(tmp_path, Piece("film", 0, 0, 13, 1), ids[:14], {0: GROUND, 1: DOG}, rest=2),
        piece_masks(
            tmp_path, Piece("film", 0, 10, 23, 1), swapped[10:], {0: GROUND, 1: CAT, 2: DOG}
        ),
    ]
    proposals, foreground, table = joined(tmp_path, described(), 0, pieces)
    (number,) = np.unique(proposals[0][ids[0] > 0])
    for t in range(COUNT):
        assert np.array_equal(proposals[t] == number, ids[t] > 0)
    # Of the frames that both have, the former half is the first window's.
    other = 3 - number
    assert not (proposals[:12] == other).any() and (proposals[12:, 40:] == other).all()
    assert np.array_equal(foreground > 0, proposals > 0)
    rows = table.set_index("proposal")
    assert list(rows.index) == [1, 2] and rows["foreground"].all()
    assert (rows.loc[number, "first_frame"], rows.loc[number, "last_frame"]) == (0, 23)
    assert rows.loc[number, "persistence"] == 1
    assert rows.loc[other, "first_frame"] == 12
    assert rows.loc[number, "size"] == pytest.approx((ids > 0).mean(), abs=1e-6)
    # The mean score, by frames: 1 in 14, and 1/2 in 14 frames.
    assert rows.loc[number, "score"] == pytest.approx(0.75)


@pytest.mark.parametrize("looks, same", [(DOG, True), (CAT, False)], ids=["alike", "unlike"])
def test_no_number_leaps_over_a_cut_unless_it_looks_the_same(film, tmp_path, looks, same):
    """It lies at the very same place on both sides of the cut."""
    described, ids = film
    still = np.repeat(ids[:1], COUNT, 0)
    pieces = [
        piece_masks(tmp_path, Piece("film", 0, 0, 11, 1), still[:12], {0: GROUND, 1: DOG}),
        piece_masks(tmp_path, Piece("film", 1, 12, 23, 1), still[12:], {0: GROUND, 1: looks}),
    ]
    proposals, _, table = joined(tmp_path, described(), 0, pieces)
    assert len(table) == (1 if same else 2)
    assert (proposals[0].max() == proposals[-1].max()) == same


def test_every_frame_has_a_mask_of_the_films_size(film, tmp_path):
    """Every third frame was computed, at half the size; frames begin at the third."""
    described, ids = film
    small = ids[:, ::2, ::2]
    first = Piece("film", 0, 3, 12, 3, 24)
    second = Piece("film", 0, 9, 21, 3, 24)
    pieces = [
        piece_masks(tmp_path, one, small[list(one.numbers)], {0: GROUND, 1: DOG})
        for one in (first, second)
    ]
    proposals, _, table = joined(tmp_path, described(3, 23), 3, pieces)
    assert proposals.shape == (21, 48, 64) and len(table) == 1
    for t, own in enumerate(proposals):
        right = ids[3 + t] > 0
        assert (own[right] == 1).mean() > 0.85 and (own[~right] == 0).mean() > 0.97, t
    assert (table["first_frame"][0], table["last_frame"][0]) == (0, 20)


def naive_shares(labels, size):
    """How much each label has of each pixel of an enlarged image, bilinear: (H, W) by label."""
    shares = {label: np.zeros(size) for label in set(labels.flat)}
    for place in np.ndindex(size):
        corners = []
        for at, long, short in zip(place, size, labels.shape, strict=True):
            middle = min(max((at + 0.5) * short / long - 0.5, 0), short - 1)
            low = int(middle)
            corners.append([(low, 1 - middle + low), (min(low + 1, short - 1), middle - low)])
        for row, by_row in corners[0]:
            for column, by_column in corners[1]:
                shares[labels[row, column]][place] += by_row * by_column
    return shares


def has_most(label, place, shares):
    """Whether none of the labels has more of a pixel, but for rounding."""
    return shares[label][place] >= max(one[place] for one in shares.values()) - 1e-6


@pytest.mark.parametrize("size", [(12, 16), (36, 48), (35, 51), (24, 16)])
def test_objects_and_parts_are_enlarged_in_their_own_outlines(size):
    """Objects without parts, of one and of several, and without a number."""
    rng = np.random.default_rng(0)
    coarse = rng.choice([0, 256, 2 * 256 + 1, 3 * 256 + 2, 3 * 256 + 3, 65535], (4, 4))
    both = coarse.repeat(3, 0).repeat(4, 1).astype(np.uint16)
    objects, parts = _at_size(both, size)
    assert objects.dtype == parts.dtype == np.uint8 and objects.shape == parts.shape == size
    of_objects, of_both = naive_shares(both // 256, size), naive_shares(both, size)
    for place in np.ndindex(size):
        number = int(objects[place])
        assert has_most(number, place, of_objects)
        # Of a pixel of an object its own parts alone have shares.
        own = {one % 256: share for one, share in of_both.items() if one // 256 == number}
        assert has_most(int(parts[place]), place, own)


def test_frames_between_empty_masks_are_not_read(film, tmp_path, monkeypatch):
    described, ids = film
    numbers = (0, 5, 10, 15, 20)
    found = ids[list(numbers)].copy()
    found[:3] = 0
    pieces = [piece_masks(tmp_path, Piece("film", 0, 0, 20, 5), found, {0: GROUND, 1: DOG})]
    read, frame = [], Video.frame
    monkeypatch.setattr(Video, "frame", lambda own, index: read.append(index) or frame(own, index))
    proposals, _, _ = joined(tmp_path, described(), 0, pieces)
    assert read == list(range(10, COUNT))
    assert not proposals[:11].any() and all(one.any() for one in proposals[15:])


def test_masks_do_not_go_over_a_cut(film, tmp_path):
    """Every fifth frame is computed; a shot begins in between, and has no object."""
    described, ids = film
    nothing = np.zeros_like(ids)
    one, other = Piece("film", 0, 0, 10, 5), Piece("film", 1, 13, 23, 5)
    pieces = [
        piece_masks(tmp_path, one, ids[list(one.numbers)], {0: GROUND, 1: DOG}),
        piece_masks(tmp_path, other, nothing[[13, 18, 23]], {0: GROUND, 1: DOG}),
    ]
    proposals, _, _ = joined(tmp_path, described(), 0, pieces)
    assert all(proposals[t].any() == (t < 13) for t in range(COUNT))


def test_foreground_without_a_number_stays_foreground(film, tmp_path):
    described, ids = film
    some = np.where(ids > 0, 255, 0).astype(np.uint8)
    some[:, :8, :8] = 1
    pieces = [piece_masks(tmp_path, Piece("film", 0, 0, 23, 1), some, {0: GROUND, 1: DOG})]
    proposals, foreground, _ = joined(tmp_path, described(), 0, pieces)
    assert np.array_equal(foreground > 0, some > 0)
    assert np.array_equal(proposals == 1, some == 1) and proposals.max() == 1


def test_nothing_found_at_all(film, tmp_path):
    described, ids = film
    piece = piece_masks(tmp_path, Piece("film", 0, 0, 23, 1), np.zeros_like(ids), {0: GROUND})
    proposals, foreground, table = joined(tmp_path, described(), 0, [piece])
    assert not proposals.any() and not foreground.any() and len(table) == 0


def test_more_objects_than_have_a_number(film, tmp_path, monkeypatch):
    described, ids = film
    monkeypatch.setattr("betrayed.objects.joining._MOST", 1)
    some = np.zeros_like(ids)
    some[:, :16, :16], some[:, 32:, 32:] = 1, 2
    looks = {0: GROUND, 1: DOG, 2: CAT}
    piece = piece_masks(tmp_path, Piece("film", 0, 0, 23, 1), some, looks)
    proposals, foreground, table = joined(tmp_path, described(), 0, [piece])
    assert len(table) == 1 and set(np.unique(proposals)) == {0, 1}
    assert np.array_equal(foreground > 0, some > 0)


def halves(ids, first, second):
    """An upper and a lower part of the object 1."""
    upper = np.arange(ids.shape[1])[:, None] < ids.shape[1] // 2
    return np.where(ids == 1, np.where(upper, first, second), 0).astype(np.uint8)


def joined_parts(folder):
    files = sorted((folder / "joined/parts").iterdir())
    words = pd.read_csv(folder / "joined/objects.csv", dtype=str)
    for name in ("proposal", "part", "part_of", "first_frame", "last_frame"):
        assert words[name].dropna().str.isdigit().all()
    table = pd.read_csv(folder / "joined/objects.csv")
    return np.stack([read_ids(file) for file in files]), table[table["part"].notna()]


def standing(count=COUNT):
    """An object in the middle that rests, and one at the left border."""
    ids = np.zeros((count, 48, 64), np.uint8)
    ids[:, 12:36, 24:48] = 1
    ids[:, 20:32, :8] = 2
    return ids


def test_parts_keep_their_numbers_over_windows_and_cuts(film, tmp_path):
    """Each window numbers them otherwise; what is of another object stays apart."""
    described, _ = film
    ids, looks = standing(), {0: GROUND, 1: DOG, 2: CAT}
    first = halves(ids, 1, 2) + np.where(ids == 2, 3, 0).astype(np.uint8)
    second = halves(ids, 3, 2) + np.where(ids == 2, 1, 0).astype(np.uint8)
    window, next_one = Piece("film", 0, 0, 13, 1), Piece("film", 0, 10, 18, 1)
    over_a_cut = Piece("film", 1, 19, 23, 1)
    pieces = [
        piece_masks(tmp_path, window, ids[:14], looks, parts=first[:14], part_of=(1, 1, 2)),
        piece_masks(tmp_path, next_one, ids[10:19], looks, parts=second[10:19], part_of=(2, 1, 1)),
        piece_masks(tmp_path, over_a_cut, ids[19:], looks, parts=second[19:], part_of=(2, 1, 1)),
    ]
    proposals, _, _ = joined(tmp_path, described(), 0, pieces)
    parts, rows = joined_parts(tmp_path)
    assert np.array_equal(parts > 0, proposals > 0)
    for place in ((16, 30), (32, 30), (26, 4)):
        numbers = {int(parts[t][place]) for t in range(19)}
        assert len(numbers) == 1, place  # within the shot
    assert parts[0, 26, 4] == parts[23, 26, 4] == 3  # the only part of its object, over the cut
    assert list(rows["part"]) == [1, 2, 3] and list(rows["part_of"]) == [1, 1, 2]
    assert (rows["proposal"] == 0).all() and rows["foreground"].all()
    assert (rows["first_frame"] == 0).all() and (rows["last_frame"] == COUNT - 1).all()
    assert rows.set_index("part").loc[3, "size"] == pytest.approx((ids[0] == 2).mean(), abs=1e-6)


def test_parts_of_no_object_are_never_one_with_those_of_an_object(tmp_path):
    """They lie at one place and look alike; objects have ranks that images do not tell apart."""
    ids, looks = np.minimum(standing(), 1), {0: GROUND, 1: DOG}
    parts = halves(ids, 1, 2)[:10]
    pieces = [
        piece_masks(tmp_path, piece, ids[:10], looks, parts=parts, part_of=part_of)
        for piece, part_of in (
            (Piece("film", 0, 0, 9, 1), (1, 1)),
            (Piece("film", 0, 6, 15, 1), (1, None)),
        )
    ]
    ranks = [np.array([255])] * len(pieces)
    read = [read_looks(one.folder) for one in pieces]
    _, (first, second) = _joined_parts(pieces, read, ranks, 0.6)
    assert second[0] == first[0]
    assert second[1] == 3  # behind those of the object


def test_parts_at_another_size_divide_their_object_and_nothing_else(film, tmp_path):
    """Every fourth frame at half the size: outlines are as without parts."""
    described, _ = film
    ids = standing()
    piece = Piece("film", 0, 0, 20, 4, 24)
    small = ids[::4, ::2, ::2]
    looks = {0: GROUND, 1: DOG, 2: CAT}
    own = halves(small, 1, 2) + np.where(small == 2, 3, 0).astype(np.uint8)
    with_parts = piece_masks(tmp_path, piece, small, looks, parts=own, part_of=(1, 1, 2))
    proposals, _, _ = joined(tmp_path, described(), 0, [with_parts])
    parts, _ = joined_parts(tmp_path)
    assert parts.shape == proposals.shape == (COUNT, 48, 64)
    assert np.array_equal(parts > 0, proposals > 0)
    assert set(np.unique(parts[proposals == 1])) == {1, 2} and (parts[proposals == 2] == 3).all()
    without = piece_masks(tmp_path / "without", piece, small, looks)
    again, _, table = joined(tmp_path / "without", described(), 0, [without])
    assert np.array_equal(again, proposals)
    assert not (tmp_path / "without/joined/parts").exists() and table["part"].isna().all()
