"""The part of a source file of rnnbench's own models and tasks that can change a result.

Comments, docstrings, presets, citations, published results and families of models cannot: the
identity of a trial holds the options and settings that a preset led to, and the rest is text. An
edit of them runs no trial again.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import resources

_TEXT = frozenset({"presets", "citations", "published", "family"})
_TEXT_MODULE = "_published"
"""Modules of this name hold published results; an import of one is text too."""
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
    """Return Python source without what :data:`_TEXT` names, comments, docstrings, blank lines.

    Source that cannot be parsed is returned unchanged.
    """
    try:
        tree = ast.parse(content)
        spans = [*_spans(tree), *_comments(content)]
    except (SyntaxError, ValueError, tokenize.TokenError):
        return content
    lines = content.split(b"\n")
    exact = _in_strings(tree, spans)
    for first, start, last, end in sorted(spans, reverse=True):
        if first == last:
            line = lines[first - 1]
            lines[first - 1] = line[:start] + line[end:]
        else:
            lines[first - 1] = lines[first - 1][:start]
            lines[last - 1] = lines[last - 1][end:]
            lines[first : last - 1] = [b""] * (last - 1 - first)
    kept = (
        line if number in exact else line.rstrip() for number, line in enumerate(lines, start=1)
    )
    return b"\n".join(line for number, line in enumerate(kept, start=1) if line or number in exact)


def _spans(tree: ast.Module) -> Iterator[_Span]:
    """Yield the outermost statements and arguments that are text, in no order.

    A function of presets, and what is imported from a module of published results, are text where
    the file uses them for nothing else.
    """
    called = {
        node.id
        for node in _without(tree, _is_text)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    for node in tree.body:
        if ((names := _names_of_text(node)) and not called & names) or _is_text(node):
            yield _span(node)
        else:
            yield from _within(node)


def _names_of_text(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines for text alone."""
    if isinstance(node, ast.FunctionDef):
        return {node.name} if node.name.endswith("presets") else set()
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1] == _TEXT_MODULE:
        return {each.asname or each.name for each in node.names}
    return set()


def _within(node: ast.AST, *, in_function: bool = False) -> Iterator[_Span]:
    in_function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        if _is_text(child) and not (in_function and isinstance(child, ast.Assign | ast.AnnAssign)):
            yield _span(child)
        else:
            yield from _within(child, in_function=in_function)


def _without(node: ast.AST, left_out: Callable[[ast.AST], bool]) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not left_out(child):
            yield child
            yield from _without(child, left_out)


def _in_strings(tree: ast.AST, spans: Sequence[_Span]) -> set[int]:
    """Return the lines (from 1) of kept strings of several lines, whose blanks count."""
    text = {line for first, _, last, _ in spans for line in range(first, last + 1)}
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if line not in text
    }


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.keyword):
        return node.arg in _TEXT
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        # an assignment to a further name would take a part of the code along
        named = all(isinstance(each, ast.Name) and each.id in _TEXT for each in targets)
        return named or _is_citation(node.value)
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
