"""The published results of the built-in tasks."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from rnnbench.contract.options import resolve
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.execution.options import TrialOptions
from rnnbench.plan.planning import Request, make_plan
from rnnbench.plan.suites import load_suite, shipped, to_requests
from rnnbench.records.published import BOUNDS, Published
from tests.tasks.builders import build, built_in, loaded

DOCS = Path(__file__).parents[2] / "docs" / "published.md"
ENTRIES = [(name, each) for name, task in built_in().items() for each in task.factory.published]


@pytest.mark.parametrize(("name", "each"), ENTRIES)
def test_an_entry_can_match_a_trial(name: str, each: Published) -> None:
    task = loaded().task(name)
    given = resolve(name, task.options, dict(each.options))
    # a value of another type would be equal to no option
    assert {option: given[option] for option in each.options} == dict(each.options)
    assert each.citation.url.startswith("https://")
    if not each.data:
        built = task.build(given)
        if not each.score and each.model != "optimum":
            worst, best = sorted((built.baseline, built.perfect))
            assert worst - abs(best - worst) <= each.value <= best + abs(best - worst)


def test_registered_models_are_named_as_they_are_registered() -> None:
    known = set(loaded().models)
    others = {each.model for _, each in ENTRIES} - known
    assert others == {
        "optimum",
        "1-nearest neighbour",
        "MLP",
        "FCN",
        "ResNet",
        "Encoder",
        "TWIESN (echo state)",
    }


def test_every_entry_is_in_the_documentation_and_no_other() -> None:
    documented = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|", DOCS.read_text(), re.M)
    assert sorted(documented) == sorted(
        (name, each.model, f"{BOUNDS[each.bound]}{each.printed or f'{each.value:.5g}'}")
        for name, each in ENTRIES
    )


def test_the_documented_suite_can_be_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    path = tmp_path / "published-data.yaml"
    path.write_text(text)
    requests = to_requests(load_suite(str(path)), {})
    assert [request.match for request in requests] == ["params=300k", "params=300k", None]


def test_every_grid_of_the_shipped_suite_has_published_values() -> None:
    for request in to_requests(shipped()["published"], {}):
        for spec in make_plan(request, loaded()):
            found = loaded().task(spec.task.name).published(spec.task)
            assert spec.model.name in {each.model for each in found}, spec.task.label


def test_the_optimum_of_dyck_1_is_as_published() -> None:
    task = build("dyck-1", opening=0.3)
    (published,) = [each for name, each in ENTRIES if name == "dyck-1" and each.model == "optimum"]
    assert task.perfect / math.log(2) == pytest.approx(0.882, abs=1e-3)
    assert published.value == pytest.approx(task.perfect, abs=1e-3)


@pytest.mark.parametrize(
    ("letters", "printed"),
    [(2, 0.258), (3, 0.172), (4, 0.129)],
)
def test_the_printed_optima_of_counting_languages_are_of_other_test_strings(
    letters: int, printed: float
) -> None:
    """They are those of n = 1 .. 1000, each once, with a stop probability of 0.3, in bits.

    A trial draws n by the same probability, so that its optimum is another one and no printed
    result of these languages is comparable.
    """
    strings = range(1, 1001)
    bits = sum(-(n - 1) * math.log2(0.7) - math.log2(0.3) for n in strings)
    symbols = sum(letters * n + 1 for n in strings)
    assert bits / symbols == pytest.approx(printed, abs=5e-4)
    if letters == 2:
        ours = build("anbn", stop=0.3, length=2000).perfect / math.log(2)
        assert ours == pytest.approx(0.383, abs=1e-3)


def test_a_trial_records_the_results_that_hold_for_it() -> None:
    settings = {"steps": 2, "batch_size": 4, "validation_size": 8, "test_size": 8}
    request = Request(["dyck-1[opening=0.3]"], ["rnn"], [0], hidden_size=4, settings=settings)
    (spec,) = make_plan(request, loaded())
    result = run_trial(TrialJob(spec=spec, options=TrialOptions(probes=False)), loaded())
    assert [each.model for each in result.published] == ["optimum", "rnn", "lstm"]
    assert {each.citation for each in result.published} == {"Lan et al. 2022"}
    assert result.published[0].printed == "0.882 bits"
