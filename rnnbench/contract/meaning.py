"""The part of a source file of rnnbench's own models and tasks that can change a result.

Comments, docstrings, presets and citations cannot: the identity of a trial holds the options and
settings that a preset led to, and the rest is text. An edit of them runs no trial again.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib import resources

_TEXT = frozenset({"presets", "citations"})
_Span = tuple[int, int, int, int]
"""First line (from 1) and byte, last line and byte after the end."""


@cache
def released() -> dict[str, str]:
    """Return the checksums that identify unchanged members in the stores of the last release.

    That release took whole files. The keys are the checksums of the same sources without the parts
    that cannot change a result.
    """
    text = resources.files("rnnbench.contract").joinpath("released_sources.json").read_text("utf-8")
    found: dict[str, str] = json.loads(text)
    return found


def meaning(content: bytes) -> bytes:
    """Return Python source without comments, docstrings, presets, citations and blank lines.

    Source that cannot be parsed is returned unchanged.
    """
    try:
        spans = [*_spans(ast.parse(content)), *_comments(content)]
    except (SyntaxError, ValueError, tokenize.TokenError):
        return content
    lines = content.split(b"\n")
    for first, start, last, end in sorted(spans, reverse=True):
        if first == last:
            line = lines[first - 1]
            lines[first - 1] = line[:start] + line[end:]
        else:
            lines[first - 1] = lines[first - 1][:start]
            lines[last - 1] = lines[last - 1][end:]
            lines[first : last - 1] = [b""] * (last - 1 - first)
    kept = (line.rstrip() for line in lines)
    return b"\n".join(line for line in kept if line)


def _spans(tree: ast.AST) -> Iterator[_Span]:
    """Yield the outermost statements and arguments that are text, in no order."""
    for node in ast.iter_child_nodes(tree):
        if _is_text(node):
            yield _span(node)
        else:
            yield from _spans(node)


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.FunctionDef):
        return node.name.endswith("presets")
    if isinstance(node, ast.keyword):
        return node.arg in _TEXT
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {each.id for each in targets if isinstance(each, ast.Name)}
        return bool(names & _TEXT) or _is_citation(node.value)
    return False


def _is_citation(value: ast.AST | None) -> bool:
    if not isinstance(value, ast.Call):
        return False
    called = value.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name == "Citation"


def _span(node: ast.AST) -> _Span:
    first = getattr(node, "lineno", 1)
    return (first, node.col_offset, node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def _comments(content: bytes) -> Iterator[_Span]:
    lines = content.split(b"\n")
    for token in tokenize.tokenize(io.BytesIO(content).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            # a token counts characters, a syntax tree bytes
            start = len(lines[line - 1].decode()[:column].encode())
            yield line, start, line, start + len(token.string.encode())
