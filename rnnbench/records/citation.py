"""Citations, as plugins declare them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Citation:
    """Citation of a paper, data set or book.

    Attributes:
        key: authors and year, e.g. ``"Arjovsky et al. 2016"``.
        title: the title.
        venue: journal or conference.
        url: a link, preferably a DOI.
    """

    key: str
    title: str
    venue: str = ""
    url: str = ""
