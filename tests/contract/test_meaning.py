"""The part of a source file that counts for the identity of rnnbench's own members."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rnnbench.contract.meaning import meaning

TASK = '''"""A task."""
from rnnbench import Citation
from ._published import ADDING, RECALL

ELMAN = Citation("Elman 1990", title="Finding structure in time")
WIDTH = 3  # channels


class Recall:
    """It recalls."""

    delay: int = 10
    """Steps."""
    presets = {
        "quick": Preset({"delay": 5}),
    }
    citations = (ELMAN,)
    published = RECALL

    def sample(self, n):
        """Draw."""
        text = "# no comment"
        return self.draw(n, text, citations=(ELMAN,))


def deletang_presets(steps):
    return {"quick": Preset({}, {"steps": steps})}
'''


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""A task."""', '"""Another text,\nof two lines."""'),
        ("# channels", "# ünïcode"),
        ('"""Steps."""', '"""Time steps."""'),
        ('"quick": Preset({"delay": 5}),', '"quick": Preset({"delay": 6}), "paper": Preset(),'),
        ("citations = (ELMAN,)", "citations = (ELMAN, ELMAN)"),
        ('"Elman 1990"', '"Jordan 1986"'),
        ("citations=(ELMAN,))", "citations=(ELMAN, ELMAN))"),
        ("published = RECALL", "published = ADDING + RECALL"),
        ("    published = RECALL\n", ""),
        ("from ._published import ADDING, RECALL\n", ""),
        ("from ._published import ADDING, RECALL", "from .._common._published import RECALL"),
        ('{"steps": steps}', '{"steps": 2 * steps}'),
        ("\n\n\n", "\n\n"),
    ],
)
def test_text_and_presets_do_not_count(before: str, after: str) -> None:
    assert before in TASK
    assert meaning(TASK.replace(before, after).encode()) == meaning(TASK.encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("WIDTH = 3", "WIDTH = 4"),
        ("delay: int = 10", "delay: int = 11"),
        ('"# no comment"', '"# a comment"'),
        ("self.draw(n, text", "self.draw(n + 1, text"),
        ("def sample(self, n):", "def sample(self, m):"),
    ],
)
def test_code_counts(before: str, after: str) -> None:
    assert before in TASK
    assert meaning(TASK.replace(before, after).encode()) != meaning(TASK.encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # presets and citations are text where they are declared, and nowhere else
        ("presets = width = 5\n", "presets = width = 6\n"),
        ("def f():\n    presets = 5\n    return presets\n", "def f():\n    presets = 6\n"),
        (
            "class A:\n    def presets(self):\n        return 3\n",
            "class A:\n    def presets(self):\n        return 4\n",
        ),
        (
            "def presets():\n    return 3\n\nWIDTH = presets()\n",
            "def presets():\n    return 4\n\nWIDTH = presets()\n",
        ),
        (
            "from ._published import A\n\nWIDTH = A\n",
            "from ._published import B as A\n\nWIDTH = A\n",
        ),
        ("from ._base import A\npublished = A\n", "from ._base import B\npublished = A\n"),
        # blanks in a string are data
        ('A = """a\n\nb"""\n', 'A = """a\nb"""\n'),
        ('A = """a \nb"""\n', 'A = """a\nb"""\n'),
        ('A = f"""a \n{b}"""\n', 'A = f"""a\n{b}"""\n'),
    ],
)
def test_what_only_looks_like_text_counts(before: str, after: str) -> None:
    assert meaning(before.encode()) != meaning(after.encode())


def targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def test_functions_of_presets_give_presets_and_nothing_else() -> None:
    root = Path(__file__).parents[2]
    for path in [*(root / "plugins").rglob("*.py"), *(root / "tasks").rglob("*.py")]:
        tree = ast.parse(path.read_bytes())
        values = {
            id(node.value.func)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(node.value, ast.Call)
            and [ast.unparse(each) for each in targets(node)] == ["presets"]
        }
        used = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Name | ast.Attribute)
            and getattr(node, "id", getattr(node, "attr", "")).endswith("_presets")
        ]
        assert all(id(node) in values for node in used), path


def test_source_that_cannot_be_parsed_counts_as_it_is() -> None:
    assert meaning(b"def (:  # text\n") == b"def (:  # text\n"


@pytest.mark.parametrize("folder", ["plugins", "tasks"])
def test_every_class_and_function_of_a_member_is_kept(folder: str) -> None:
    paths = list((Path(__file__).parents[2] / folder).rglob("*.py"))
    assert paths
    for path in paths:
        content = path.read_bytes()
        kept = meaning(content).decode()
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.FunctionDef) and not node.name.endswith("presets"):
                assert f"def {node.name}(" in kept
            if isinstance(node, ast.ClassDef):
                assert f"class {node.name}" in kept
