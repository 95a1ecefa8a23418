"""Finite groups as groups of permutations, with their multiplication tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Permutation: TypeAlias = tuple[int, ...]
"""The image of each point; a product applies its left factor first."""
GroupName: TypeAlias = Literal["z2", "z60", "s3", "a4xz5", "a5", "s5"]


def _cycle(points: int, *moved: int) -> Permutation:
    """Return the permutation of ``points`` points that moves the given ones in a cycle."""
    image = list(range(points))
    for place, point in enumerate(moved):
        image[point] = moved[(place + 1) % len(moved)]
    return tuple(image)


_GENERATORS: dict[GroupName, tuple[Permutation, ...]] = {
    "z2": (_cycle(2, 0, 1),),
    "z60": (_cycle(60, *range(60)),),
    "s3": (_cycle(3, 0, 1), _cycle(3, 0, 1, 2)),
    # A4 moves the points 0 to 3, Z5 the points 4 to 8
    "a4xz5": (_cycle(9, 0, 1, 2), _cycle(9, 1, 2, 3), _cycle(9, 4, 5, 6, 7, 8)),
    "a5": (_cycle(5, 0, 1, 2), _cycle(5, 0, 1, 2, 3, 4)),
    "s5": (_cycle(5, 0, 1), _cycle(5, 0, 1, 2, 3, 4)),
}


@dataclass(frozen=True)
class Group:
    """A finite group.

    Attributes:
        elements: the G permutations in lexicographic order, so that the identity is first.
        table: (G, G) int64, the index of the product of two elements, the left one by row.
        generators: indices of elements that generate the group.
    """

    elements: tuple[Permutation, ...]
    table: Tensor
    generators: tuple[int, ...]

    @property
    def order(self) -> int:
        """G, the number of elements."""
        return len(self.elements)

    def prefix_products(self, factors: Tensor) -> Tensor:
        """Return the product of the first t factors for every t.

        Args:
            factors: (B, T) int64, elements by index.

        Returns:
            (B, T) int64, by a scan in log2(T) steps, since the product is associative.
        """
        table = self.table.to(factors.device)
        products, span = factors, 1
        while span < factors.shape[1]:
            longer = table[products[:, :-span], products[:, span:]]
            products = torch.cat([products[:, :span], longer], 1)
            span *= 2
        return products


@cache
def group(name: GroupName) -> Group:
    """Build a group from its generators."""
    generators = _GENERATORS[name]
    found = {tuple(range(len(generators[0])))}
    newest = found
    while newest:
        newest = {_product(one, two) for one in newest for two in generators} - found
        found = found | newest
    elements = tuple(sorted(found))
    index = {element: place for place, element in enumerate(elements)}
    rows = [[index[_product(one, two)] for two in elements] for one in elements]
    return Group(elements, torch.tensor(rows), tuple(index[each] for each in generators))


def _product(one: Permutation, two: Permutation) -> Permutation:
    return tuple(two[point] for point in one)
