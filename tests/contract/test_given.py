"""Classes given in Python: their names, their source code, and what is refused."""

from __future__ import annotations

import linecache
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from rnnbench.contract import registry
from rnnbench.contract.given import name_of, take_class
from rnnbench.errors import PluginError, UsageError

CELL = '''
import torch
from torch import nn

SCALE = {scale}
TABLE = torch.tensor([{scale}])
UNUSED = {unused}

def scaled(x):
    return SCALE * x * TABLE

class Base(nn.Module):
    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.cell = nn.GRU(input_size, hidden_size, batch_first=True)

class MyGRU(Base):
    """A GRU of a notebook."""
    def forward(self, x, state=None):
        return self.cell(scaled(x), state)
'''

Execute = Callable[..., type[nn.Module]]


@pytest.fixture
def notebook() -> Iterator[Execute]:
    """Execute a cell as IPython does: in a module without a file, the source in ``linecache``."""
    module = ModuleType("acme_session")
    sys.modules[module.__name__] = module
    cells = 0

    def execute(scale: float = 0.5, unused: int = 1) -> type[nn.Module]:
        nonlocal cells
        cells += 1
        code, name = CELL.format(scale=scale, unused=unused), f"<ipython-input-{cells}>"
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        exec(compile(code, name, "exec"), vars(module))
        made: type[nn.Module] = module.MyGRU
        return made

    yield execute
    del sys.modules[module.__name__]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("MyGRU", "my-gru"),
        ("LSTM2", "lstm2"),
        ("_XLSTMCell", "xlstm-cell"),
        ("S4D_Core", "s4d-core"),
    ],
)
def test_the_name_of_a_model_follows_from_that_of_its_class(given: str, name: str) -> None:
    assert name_of(type(given, (), {})) == name


def test_the_source_holds_what_the_class_uses_and_nothing_else(notebook: Execute) -> None:
    code = take_class(notebook()).code
    assert code.startswith("class Base(nn.Module):")
    assert "SCALE = 0.5" in code
    assert "def scaled(x):" in code
    assert "class MyGRU(Base):" in code
    assert "TABLE = ...  # Tensor, sha256:" in code
    assert "UNUSED" not in code


def test_the_source_changes_with_what_the_class_uses(notebook: Execute) -> None:
    first = take_class(notebook()).code
    assert take_class(notebook()).code == first
    assert take_class(notebook(unused=2)).code == first
    assert take_class(notebook(scale=0.25)).code != first


def test_a_class_survives_the_way_to_another_process(notebook: Execute) -> None:
    given = take_class(notebook())
    assert given.module == ""
    before = notebook(scale=1.0)(3, 4)
    del sys.modules["acme_session"].MyGRU
    torch.manual_seed(0)
    core = given.restored()(3, 4)
    torch.manual_seed(0)
    before = type(before)(3, 4)
    x = torch.randn(2, 5, 3)
    # The copy keeps the scale that it had: 0.5, squared by the table.
    assert torch.equal(core(x)[0], before(0.25 * x)[0])


def test_it_is_registered_with_its_options_and_its_source(notebook: Execute) -> None:
    known = registry.load()
    core = notebook()
    known.add_class(take_class(core), core)
    model = known.model("my-gru")
    assert model.provider.distribution == "given in Python"
    assert model.source.startswith("sha256:")
    assert model.summary == "A GRU of a notebook."


def test_a_name_that_is_taken_is_refused() -> None:
    class LSTM(nn.Module):
        def __init__(self, input_size: int, hidden_size: int) -> None: ...
        def forward(self, x: Any, state: Any = None) -> Any: ...

    with pytest.raises(PluginError, match="model 'lstm' is provided twice"):
        registry.load().add_class(take_class(LSTM), LSTM)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (nn.Linear(2, 2), "is built already; give its class: rnnbench.run"),
        (lambda *_: None, "is a function; give the class"),
        (5, "5 is no model; give a name such as 'lstm'"),
        (int, "class int is not derived from torch.nn.Module"),
        (nn.LSTM, "does not keep the contract of a core"),
    ],
)
def test_what_is_no_class_of_a_core_is_refused(given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        take_class(given)


def test_a_class_without_readable_source_is_refused(notebook: Execute) -> None:
    core = notebook()
    linecache.cache.clear()
    with pytest.raises(UsageError, match="the source code of MyGRU cannot be read"):
        take_class(core)


def test_a_class_that_holds_a_lock_is_refused(notebook: Execute) -> None:
    core = notebook()
    core.held = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="cannot be sent to the processes of its trials"):
        take_class(core)
