import pytest
import torch

import betrayed.clustering.memory
from betrayed.clustering.memory import Budget
from betrayed.errors import UserError

QUERIES, KEYS = torch.zeros(10, 2, 50, 4).half(), torch.zeros(4, 2, 25, 4)
# Of 3 frames of 50 tokens: 150 rows of 100 columns.
ROWS = 4 * 150 * 100
# Room for 2% of 500 tokens as centres, twice.
CENTRES = 2 * 4 * 10 * 100
# Inputs, projections of 500 tokens to 6 directions (twice), pairs (who is near, a divergence).
FIXED = 2 * 10 * 2 * 50 * 4 + 4 * 4 * 2 * 25 * 4 + 2 * 4 * 500 * 16 + 150 * 150 * (1 + 1 + 4)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(betrayed.clustering.memory, "PARTS", 0)


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


def test_too_little_is_refused_with_what_is_needed():
    with pytest.raises(UserError, match=r"needs 0\.00 GB for 10 frames of 50 tokens and 4 key"):
        Budget(QUERIES, KEYS, 3, 1, 6, FIXED - 1)


def test_too_many_centres_are_refused():
    budget = Budget(QUERIES, KEYS, 3, 1, 6, FIXED + ROWS + 2 * 4 * 30 * 100)
    budget.check_centres(30, 100)
    with pytest.raises(UserError, match=r"31 clusters before merging .* Raise clustering\.tau"):
        budget.check_centres(31, 100)
