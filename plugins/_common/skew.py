"""Skew-symmetric matrices, held as the entries above their diagonal."""

from __future__ import annotations

import torch
from torch import Tensor


def entries_of(size: int) -> int:
    """Return the number of entries above the diagonal of a square matrix."""
    return size * (size - 1) // 2


def skew_symmetric(entries: Tensor, size: int) -> Tensor:
    """Return the matrix A (H, H) with A = -A^T whose upper triangle holds the entries by row."""
    rows, columns = torch.triu_indices(size, size, 1, device=entries.device)
    upper = entries.new_zeros(size, size).index_put((rows, columns), entries)
    return upper - upper.t()


def upper_entries(matrix: Tensor) -> Tensor:
    """Return the entries above the diagonal of a matrix (H, H), by row."""
    rows, columns = torch.triu_indices(len(matrix), len(matrix), 1, device=matrix.device)
    return matrix[rows, columns]
