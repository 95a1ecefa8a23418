"""Hostile text in Markdown, HTML and figures: it is shown, and does nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rnnbench.errors import one_line
from rnnbench.report.escaping import code_block, figure_text, markdown_text, web_link

_PARSER = MarkdownIt("commonmark").enable("table")
_HOSTILE = st.lists(
    st.sampled_from(
        [
            "|",
            "`",
            "*",
            "_",
            "<b>",
            "</td>",
            "[x](y)",
            "![x](y)",
            "\\",
            "\n",
            "# ",
            "- ",
            "1. ",
            "&amp;",
            "a",
            " ",
            "~~",
        ]
    )
    | st.text(max_size=4),
    max_size=12,
).map("".join)


def _plain(markdown: str) -> tuple[str, set[str]]:
    """Return the text that a Markdown renderer shows, and the kinds of tokens that it found."""
    tokens = _PARSER.parse(markdown)
    inline = [child for token in tokens if token.type == "inline" for child in token.children or []]
    return "".join(child.content for child in inline if child.type in ("text", "text_special")), {
        token.type for token in [*tokens, *inline]
    }


@settings(deadline=None, max_examples=300)
@given(_HOSTILE)
def test_markdown_shows_any_text_literally(text: str) -> None:
    shown, kinds = _plain(markdown_text(text))
    assert shown == one_line(text, 400)
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}


@settings(deadline=None)
@given(_HOSTILE)
def test_a_cell_stays_one_cell(text: str) -> None:
    tokens = _PARSER.parse(f"| a | b |\n| --- | --- |\n| {markdown_text(text)} | last |")
    assert sum(token.type == "td_open" for token in tokens) == 2
    assert not {token.type for token in tokens} & {"html_block", "heading_open"}


@settings(deadline=None)
@given(_HOSTILE)
def test_a_code_block_cannot_be_closed_by_its_content(text: str) -> None:
    tokens = _PARSER.parse(code_block(text))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content == one_line(text, 2000) + "\n"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://",
        "https://a b",
        'https://a/"onclick=',
        "https://a/<x>",
        "file:///etc/passwd",
        "http://[",
        "https://a/" + "x" * 600,
        "",
    ],
)
def test_only_plain_web_addresses_become_links(url: str) -> None:
    assert web_link(url) is None


def test_a_plain_web_address_becomes_a_link() -> None:
    assert (
        web_link("https://doi.org/10.1162/neco.1997.9.8.1735")
        == "https://doi.org/10.1162/neco.1997.9.8.1735"
    )


def test_figure_text_is_short_and_never_hidden() -> None:
    assert len(figure_text("x" * 10_000)) <= 48
    assert not figure_text("_hidden").startswith("_")
    assert figure_text("a\x00\x1b[31mb\n") == "a [31mb"
