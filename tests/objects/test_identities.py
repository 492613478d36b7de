"""Which objects of a film's pieces are one."""

import numpy as np

from betrayed.objects.identities import PieceObjects, identities, whitening

MEAN, EVEN = np.zeros(3), np.eye(3)
DOG, CAT, CAR = np.eye(3)


def piece(shot, looks, shared=None, before=None, here=None):
    tokens = np.array(looks).reshape(-1, 3) * 10.0
    arrays = [None if one is None else np.array(one, float) for one in (shared, before, here)]
    return PieceObjects(shot, tokens, np.full(len(tokens), 10.0), *arrays)


def numbered(*pieces, alike=0.6):
    numbers, count = identities(pieces, MEAN, EVEN, alike)
    return [one.tolist() for one in numbers], count


def test_where_they_are_decides_in_shared_frames():
    """By looks the two would be exchanged."""
    first = piece(0, [DOG, CAT])
    second = piece(0, [DOG, CAT], [[1, 90], [80, 2]], [100, 90], [85, 95])
    assert numbered(first, second) == ([[0, 1], [1, 0]], 2)


def test_overlap_is_of_the_union():
    first = piece(0, [DOG])
    # 30 of 100 + 30 − 30: just enough; 29 is not.
    assert numbered(first, piece(0, [CAT], [[30]], [100], [30]))[1] == 1
    assert numbered(first, piece(0, [CAT], [[29]], [100], [29]))[1] == 2


def test_the_pairs_of_most_overlap_are_taken():
    """The first fits both; the second one of them only."""
    second = piece(0, [CAR, CAT], [[50, 45], [40, 0]], [60, 50], [60, 50])
    assert numbered(piece(0, [DOG, DOG]), second)[0] == [[0, 1], [1, 0]]


def test_over_a_cut_looks_decide():
    assert numbered(piece(0, [DOG, CAT]), piece(1, [CAT, CAR])) == ([[0, 1], [1, 2]], 3)
    near = 0.8 * DOG + 0.6 * CAT  # cosine .8
    assert numbered(piece(0, [DOG]), piece(1, [near]))[1] == 1
    assert numbered(piece(0, [DOG]), piece(1, [near]), alike=0.81)[1] == 2
    assert numbered(piece(0, [DOG]), piece(1, [DOG]), alike=1.0)[1] == 2


def test_an_object_that_was_away_comes_back():
    pieces = piece(0, [DOG]), piece(1, [CAR]), piece(2, [DOG])
    assert numbered(*pieces) == ([[0], [1], [0]], 2)


def test_two_that_look_alike_stay_two():
    assert numbered(piece(0, [DOG]), piece(1, [DOG, DOG])) == ([[0], [0, 1]], 2)


def test_one_that_was_carried_on_is_not_given_away_by_looks():
    """The dog goes on as object 0; another that looks like a dog is not it."""
    second = piece(0, [CAR, DOG], [[90, 0]], [100], [95, 50])
    assert numbered(piece(0, [DOG]), second) == ([[0], [0, 1]], 2)


def test_the_films_mean_tells_nothing():
    """What all share makes any two alike; without it a dog and a cat have nothing in common."""
    common = np.full(3, 5.0)
    first, second = (
        PieceObjects(shot, (looks + common)[None] * 10, np.array([10.0]))
        for shot, looks in ((0, DOG), (1, CAT))
    )
    assert identities([first, second], common, EVEN, 0.6)[1] == 2
    assert identities([first, second], np.zeros(3), EVEN, 0.6)[1] == 1


def test_a_direction_that_varies_everywhere_counts_for_little():
    """As what tells objects from ground does: whitened, these two are told apart."""
    covariance = np.diag([100.0, 1.0, 1.0])
    one, other = piece(0, [[10, 3, 0]]), piece(1, [[10, 0, 3]])
    assert identities([one, other], MEAN, EVEN, 0.6)[1] == 1
    assert identities([one, other], MEAN, covariance, 0.6)[1] == 2
    white = whitening(covariance)
    softened = 1 / np.sqrt(np.array([1.0, 1.0, 100.0]) + 0.3 * 34)
    assert np.allclose(np.sort(np.abs(white).sum(0)), np.sort(softened))
    assert np.isfinite(whitening(np.zeros((3, 3)))).all()


def test_pieces_without_objects():
    empty = piece(0, np.zeros((0, 3)), np.zeros((1, 0)), [10], [])
    assert numbered(piece(0, [DOG]), empty, piece(0, [DOG])) == ([[0], [], [0]], 1)
    assert numbered(empty) == ([[]], 0)


def test_an_object_of_no_token_is_one_of_its_own():
    """So small that it covers nothing: nothing is known of its looks."""
    nothing = PieceObjects(1, np.zeros((1, 3)), np.zeros(1))
    assert numbered(piece(0, [DOG]), nothing, piece(2, [DOG])) == ([[0], [1], [0]], 2)
