"""What ``rnnbench check`` says of a step that the kit cannot compile."""

from __future__ import annotations

import pytest

from rnnbench import Cell
from rnnbench.cells.core import PLAIN_LOOP, recurrent
from rnnbench.testing.model.cell import the_step_can_be_compiled
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import ContractError
from tests.cells.odd_cells import ODD, REFUSED
