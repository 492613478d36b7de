"""Bounds of the symmetric KL divergence from a few numbers a row.

For any positive reference w, and u = (p − w)/√w and v = √w·log(p/w) of every row p, the divergence
Σ (p − q)(log p − log q) of two rows is (u − u')·(v − v'). Rows of a video differ in few directions.
With U (M, k) orthonormal, a = Uᵀu and b = Uᵀv, and r and s what U leaves of u and v, it is

    u·v + u'·v' − a·b' − a'·b − (r·s' + r'·s),    |r·s' + r'·s| ≤ |r||s'| + |r'||s|,

so that k numbers and a few norms bound it from both sides (Cauchy and Schwarz), whatever U and w.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from betrayed.clustering.divergence import EPSILON, safe_log
from betrayed.clustering.fusing import kernels_for
from betrayed.clustering.row_parts import RowParts, tiles

# Each bound is moved outwards by this share of the products that it is a sum of: float32 keeps
# 2^-24 of each, and sums of thousands lose some of it.
ROUNDING = 1e-5


@dataclass(frozen=True)
class Directions:
    """Where rows are projected to.

    Attributes:
        reference: (M,), the positive w.
        basis: (M, k), U.
    """

    reference: Tensor
    basis: Tensor


@dataclass(frozen=True)
class Projection:
    """What bounds the divergences of n rows.

    Attributes:
        rows, logs: (n, k), the projections a of u and b of v.
        products: (n,), u·v.
        rest_rows, rest_logs: (n,), the norms of r and s or a little more.
        rounding: (n,), what ``products`` may be off.
    """

    rows: Tensor
    logs: Tensor
    products: Tensor
    rest_rows: Tensor
    rest_logs: Tensor
    rounding: Tensor

    def __getitem__(self, part: slice | Tensor) -> "Projection":
        return Projection(*(getattr(self, field.name)[part] for field in fields(self)))


def directions(sample: Tensor, most: int, rest: float) -> Directions:
    """Directions in which rows differ most, from a sample of them.

    Args:
        sample: (s, M), rows.
        most: upper limit of k.
        rest: what the directions may leave of |u|² and |v|², mean over the sample; 0: as many as
            there may be, so that k is mostly the same.
    """
    reference = sample.mean(dim=0).clamp_(min=1e-12)
    both = torch.cat(_scaled(sample, reference))  # (2s, M)
    values, vectors = torch.linalg.eigh((both @ both.T).double())  # ascending
    left = values.clamp(min=0).cumsum(dim=0) / len(both)
    wanted = int((left > rest).sum()) if rest > 0 else len(values)
    vectors = vectors[:, len(values) - max(1, min(wanted, most)) :].float()
    basis = torch.linalg.qr(both.T @ vectors)[0]  # orthonormal to rounding
    return Directions(reference, basis)


def project(rows: RowParts, onto: Directions) -> Projection:
    """Project n rows."""
    n, k = rows.shape[0], onto.basis.shape[1]
    a, b = onto.basis.new_zeros((2, n, k))
    size_u, size_v, products = onto.basis.new_zeros((3, n))
    kernels = kernels_for(a.device)
    for part, values in rows.parts(whole=kernels is not None):
        reference, basis = onto.reference[part], onto.basis[part]
        if kernels is not None:
            sums = size_u, size_v, products
            kernels.add_projections(values, reference, basis, EPSILON, (a, b), sums)
            continue
        for tile in tiles(*values.shape, values.device):
            u, v = _scaled(values[tile], reference)
            size_u[tile] += torch.linalg.vector_norm(u, dim=1).square_()
            size_v[tile] += torch.linalg.vector_norm(v, dim=1).square_()
            products[tile] += torch.linalg.vecdot(u, v)
            a[tile].addmm_(u, basis)
            b[tile].addmm_(v, basis)
    rest_u, rest_v = (
        (size - torch.linalg.vecdot(part, part)).clamp_(min=0) + ROUNDING * size
        for size, part in ((size_u, a), (size_v, b))
    )
    rounding = ROUNDING * (size_u * size_v).sqrt()
    return Projection(a, b, products, rest_u.sqrt(), rest_v.sqrt(), rounding)


def concatenated(parts: list[Projection]) -> Projection:
    """Projections of several lots of rows as one."""
    columns = [field.name for field in fields(Projection)]
    return Projection(*(torch.cat([getattr(part, name) for part in parts]) for name in columns))


def bounds(first: Projection, second: Projection) -> tuple[Tensor, Tensor]:
    """Lower and upper bounds (n, m) of the divergences of n rows from m others."""
    sides = []
    for sign in (-1, 1):
        first_products, second_products = (
            one.products + sign * one.rounding for one in (first, second)
        )
        left = _columns(first.rows, first.logs, first_products, 1, first.rest_rows, first.rest_logs)
        right = _columns(
            -second.logs,
            -second.rows,
            1,
            second_products,
            sign * second.rest_logs,
            sign * second.rest_rows,
        )
        sides.append(left @ right.T)
    return sides[0], sides[1]


def _scaled(rows: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """u and v (n, M)."""
    root = reference.sqrt()
    return (rows - reference).div_(root), safe_log(rows).sub_(reference.log()).mul_(root)


def _columns(*parts: Tensor | float) -> Tensor:
    count = len(parts[0])
    wide = [part if torch.is_tensor(part) else parts[0].new_full((count,), part) for part in parts]
    return torch.cat([part.reshape(count, -1) for part in wide], dim=1)
