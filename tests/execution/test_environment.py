"""The description of a machine: processors of one name are told apart."""

from __future__ import annotations

import pytest
import torch

from rnnbench.execution.environment import describe, model_of, parse_cpuinfo

AMD = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
stepping\t: 1
flags\t\t: fpu vme avx2

processor\t: 1
vendor_id\t: AuthenticAMD
model\t\t: 99
"""
ARM = """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AMD, "AuthenticAMD family 25 model 17 stepping 1"),
        (AMD.replace("stepping\t: 1\n", ""), "AuthenticAMD family 25 model 17"),
        (ARM, "0x41 architecture 8 variant 0x3 part 0xd0c revision 1"),
        ("", ""),
        ("Hardware : something else\n", ""),
    ],
)
def test_the_model_of_a_processor(text: str, expected: str) -> None:
    assert model_of(parse_cpuinfo(text)) == expected


def test_this_machine_is_described() -> None:
    found = describe(torch.device("cpu"))
    assert found.instruction_set == torch.backends.cpu.get_cpu_capability()
    assert found.processor
    assert found.trained_on.startswith(found.processor)
    assert found.trained_on.endswith(found.instruction_set)
    assert found.model_copy(update={"device": "NVIDIA H100"}).trained_on == "NVIDIA H100"
