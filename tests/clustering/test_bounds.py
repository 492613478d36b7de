import numpy as np
import pytest
import torch

from betrayed.clustering.bounds import bounds, concatenated, directions
from support.few_kinds import project, rows_of_few_kinds
from support.naive_clustering import divergence
from support.tf32 import TF32


def exact(first, second):
    return np.array(
        [[divergence(p, q) for q in second.double().numpy()] for p in first.double().numpy()]
    )


@pytest.mark.parametrize("most", [1, 2, 8, 100])
@pytest.mark.parametrize("noise", [0.0, 0.02, 1.5])
def test_bounds_hold(most, noise):
    rows = rows_of_few_kinds(0, noise=noise)
    rows[:3, :9] = 0  # logarithms are guarded
    onto = directions(rows[::3], most, rest=1e-6)  # some rows were not in the sample
    lower, upper = bounds(project(rows[:25], onto), project(rows, onto))
    truth = exact(rows[:25], rows)
    assert (lower.double().numpy() <= truth).all() and (upper.double().numpy() >= truth).all()
    assert (lower <= upper).all()


def test_bounds_are_tight_when_few_directions_hold_the_rows():
    rows = rows_of_few_kinds(1, noise=0.001)
    onto = directions(rows, 16, rest=1e-9)
    projection = project(rows, onto)
    lower, upper = bounds(projection, projection)
    apart = exact(rows, rows)[~np.eye(len(rows), dtype=bool)]
    assert (upper - lower).max() < 1e-3 < np.median(apart)


def test_the_basis_is_orthonormal_and_as_small_as_allowed():
    rows = rows_of_few_kinds(2, noise=0)
    sizes = [directions(rows, 100, rest).basis.shape[1] for rest in (10.0, 1e-2, 1e-4, 1e-7)]
    assert sizes == sorted(sizes) and sizes[0] == 1 and 3 < sizes[-1] < 40
    assert directions(rows, 4, 1e-7).basis.shape[1] == 4
    basis = directions(rows, 100, 1e-7).basis.double()
    torch.testing.assert_close(
        basis.T @ basis, torch.eye(basis.shape[1]).double(), atol=1e-5, rtol=0
    )


def test_parts_join():
    rows = rows_of_few_kinds(3)
    onto = directions(rows, 8, 1e-6)
    parts = concatenated([project(rows[:10], onto), project(rows[10:], onto)])
    torch.testing.assert_close(parts.rows, project(rows, onto).rows)
    assert bounds(parts[3:5], parts[:7])[0].shape == (2, 7)


def test_tf32_breaks_the_bounds():
    """Why it has to be off: what is emulated here is what a GPU does where it is on."""
    rows = rows_of_few_kinds(1, noise=0.001)
    onto = directions(rows, 16, rest=1e-9)
    torch.set_float32_matmul_precision("high")
    try:
        with TF32() as emulated:
            projection = project(rows, onto)
            lower, upper = bounds(projection, projection)
        assert emulated.products > 0
    finally:
        torch.set_float32_matmul_precision("highest")
    truth = exact(rows, rows)
    assert (lower.double().numpy() > truth).any() or (upper.double().numpy() < truth).any()
