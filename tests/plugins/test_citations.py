"""The citations of the built-in models."""

from __future__ import annotations

from rnnbench.contract import registry


def test_one_paper_has_one_citation() -> None:
    """A report that cites two models would list a paper twice otherwise."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for model in registry.load().models.values():
        for each in model.citations:
            if model.provider.distribution == "rnnbench" and each.url:
                found.setdefault(each.url, set()).add((each.key, each.title, each.venue))
    assert {url: texts for url, texts in found.items() if len(texts) > 1} == {}
