import pytest
import torch

import betrayed.clustering.memory
from betrayed.clustering.memory import Budget, allowed_memory
from betrayed.errors import UserError

QUERIES, KEYS = torch.zeros(10, 2, 50, 4).half(), torch.zeros(4, 2, 25, 4)
# Of 3 frames of 50 tokens: 150 rows of 100 columns.
ROWS = 4 * 150 * 100
# Room for 2% of 500 tokens as centres, twice.
CENTRES = 2 * 4 * 10 * 100
# Inputs, projections of 500 tokens to 6 directions (twice), pairs (who is near, a divergence).
FIXED = 2 * 10 * 2 * 50 * 4 + 4 * 4 * 2 * 25 * 4 + 2 * 4 * 500 * 16 + 150 * 150 * (1 + 1 + 4)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(betrayed.clustering.memory, "PARTS", 0)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(
    ("memory", "taus", "copies"),
    [
        (FIXED, 1, 0),
        (FIXED + CENTRES + ROWS - 1, 1, 0),
        (FIXED + CENTRES + ROWS, 1, 1),
        (FIXED + 5 * ROWS, 1, 1),
        (FIXED + 2 * 150 * 150 + 3 * CENTRES + ROWS - 1, 3, 0),
        (FIXED + 2 * 150 * 150 + 3 * CENTRES + ROWS, 3, 1),
        (FIXED + 2 * 150 * 150 + 5 * ROWS, 3, 2),
    ],
)
def test_by_hand(memory, taus, copies):
    assert Budget(QUERIES, KEYS, 3, taus, 6, memory).copies == copies


@pytest.mark.usefixtures("small_parts")
def test_too_little_is_refused_with_what_is_needed():
    with pytest.raises(UserError, match=r"needs 0\.00 GB for 10 frames of 50 tokens and 4 key"):
        Budget(QUERIES, KEYS, 3, 1, 6, FIXED - 1)


@pytest.mark.usefixtures("small_parts")
def test_too_many_centres_are_refused():
    budget = Budget(QUERIES, KEYS, 3, 1, 6, FIXED + ROWS + 2 * 4 * 30 * 100)
    budget.check_centres(30, 100)
    with pytest.raises(UserError, match=r"31 clusters before merging .* Raise clustering\.tau"):
        budget.check_centres(31, 100)


@pytest.mark.parametrize("window", [3, 60])
def test_as_many_pairs_as_a_window_has_and_some_for_small_ones(window):
    queries = torch.zeros(60, 1, 100, 1)
    pairs = Budget(queries, queries[:1], window, 1, 6, 1e9).pairs
    assert pairs == {3: 6 * 2**21, 60: 6000**2}[window]


def test_without_a_number_a_share_of_what_is_free(monkeypatch):
    free = {"cuda": 80e9, "cpu": 10e9}
    monkeypatch.setattr(betrayed.clustering.memory, "free_memory", lambda device: free[device.type])
    for device in free:
        assert allowed_memory(None, torch.device(device)) == 0.8 * free[device]
        assert allowed_memory(3e9, torch.device(device)) == 3e9


@pytest.mark.parametrize(("frames", "columns"), [(60, 6), (104, 11)])
def test_what_a_gpu_holds_back_leaves_room_for_rows(frames, columns):
    """The paper's tokens, as on a GPU whose clustering may take 4 GB: rows are kept."""

    class OnGpu:
        """Keys of that many frames, as far as they are counted."""

        device = torch.device("cuda", 0)
        shape = (columns, 6, 2400, 64)

    queries = torch.empty(frames, 6, 2400, 64, dtype=torch.float16, device="meta")
    assert Budget(queries, OnGpu(), 3, 1, 128, 4e9).copies == 1
