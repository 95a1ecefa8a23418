"""Suites: shipped ones, ones that users write, and malformed files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rnnbench.contract import registry
from rnnbench.errors import UsageError
from rnnbench.plan.planning import Request, make_plan
from rnnbench.plan.suites import (
    SIZE_LIMIT,
    load_suite,
    shipped,
    suite_schema,
    to_requests,
)
from rnnbench.records.settings import Settings
from rnnbench.records.suite import Suite

DOCS = Path(__file__).parents[2] / "docs"
GOOD = """
description: two gated models
tasks: ["copy-memory[delay=5,10]"]
models: [lstm, gru]
seeds: [0, 7]
preset: quick
hidden_size: 16
settings: {steps: 1e2, learning_rate: 1e-2, precision: 32, clip_norm: null}
"""


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load_suite(str(path))
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_suite_makes_a_plan(name: str) -> None:
    suite = load_suite(name)
    assert suite.description
    for request in to_requests(suite, {}):
        assert make_plan(request, registry.load())
    assert suite.claims or suite.parts or suite.tasks


def test_a_suite_says_everything_that_flags_can(suite_file: Path) -> None:
    suite_file.write_text(GOOD, encoding="utf-8")
    specs = make_plan(to_requests(load_suite(str(suite_file)), {})[0], registry.load())
    assert len(specs) == 8
    assert {spec.seed for spec in specs} == {0, 7}
    assert {spec.task.options["delay"] for spec in specs} == {5, 10}
    (settings_,) = {spec.settings for spec in specs}
    assert (settings_.steps, settings_.learning_rate, settings_.precision, settings_.clip_norm) == (
        100,
        0.01,
        "32",
        None,
    )
    assert {spec.model.hidden_size for spec in specs} == {16}


def test_a_byte_order_mark_is_no_content(suite_file: Path) -> None:
    suite_file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_suite(str(suite_file)).hidden_size == 16


def test_flags_win_over_the_suite() -> None:
    suite = Suite(
        tasks=["copy-memory"],
        models=["lstm"],
        seeds=5,
        preset="quick",
        hidden_size=8,
        settings={"steps": 5, "lr": 1},
    )
    given = {"tasks": ("sine-forecasting",), "seeds": [9], "hidden_size": 32}
    given |= {"models": (), "preset": None, "settings": {"steps": 7}}
    (request,) = to_requests(suite, given)
    assert request == Request(
        tasks=("sine-forecasting",),
        models=["lstm"],
        seeds=[9],
        preset="quick",
        hidden_size=32,
        settings={"steps": 7, "lr": 1},
        vary=[],
        tune=[],
    )


def test_a_flag_of_no_seeds_is_not_taken_for_no_flag() -> None:
    request = to_requests(Suite(tasks=["copy-memory"]), {"seeds": 0})[0]
    with pytest.raises(UsageError, match="at least one seed"):
        make_plan(request, registry.load())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "tasks: [copy-memory]"),
        ("# nothing\n", "tasks: [copy-memory]"),
        ("copy-memory", "tasks: [copy-memory]"),
        ("[copy-memory]", "tasks: [copy-memory]"),
        ("models: [lstm]", "names no tasks; begin it with a line like: tasks: [copy-memory]"),
        ("tasks: []", "tasks: "),
        ("tasks: copy-memory", "tasks: "),
        ("tasks: [5]", "tasks.0: "),
        ("tasks: [copy-memory]\nmodel: [lstm]", "Did you mean 'models'?"),
        ("tasks: [copy-memory]\nlearning_rate: 1", "settings: {learning_rate: ...}"),
        ("tasks: [copy-memory]\nlr: 1", "settings: {learning_rate: ...}"),
        ("tasks: [copy-memory]\nepochs: 1", "settings: {steps: ...}"),
        ("tasks: [copy-memory]\nseed: 42", "Write seeds: [42] for the seed 42"),
        ("dataset: [copy-memory]\ntasks: [a]", "Did you mean 'tasks'?"),
        ("tasks: [copy-memory]\nsettings: {stesp: 1}", "settings.stesp: there is no such setting"),
        ("tasks: [copy-memory]\nsettings: {stesp: 1}", "Did you mean 'steps'?"),
        ("tasks: [copy-memory]\nsettings: {lr: 1}", "Did you mean 'learning_rate'?"),
        ("tasks: [copy-memory]\nsettings: {hidden_size: 1}", "Write hidden_size without settings"),
        ("tasks: [copy-memory]\nsettings: {nothing: 1}", "The settings are: steps, batch_size"),
        ("tasks: [copy-memory]\nnothing: 1", "The fields are: tasks, models"),
        ("tasks: copy-memory", "not 'copy-memory'. Write a list"),
        ("tasks: [copy-memory]\nseeds: true", "seeds"),
        ("tasks: [copy-memory]\nseeds: many", "seeds"),
        ("tasks: [copy-memory]\nhidden_size: 0", "hidden_size: "),
        ("tasks: [copy-memory]\nhidden_size: 1.5", "hidden_size: "),
        ("tasks: [copy-memory]\ntasks: [copy-memory]", "duplicate key"),
        ("tasks: [copy-memory]\nsettings: {steps: 1, steps: 2}", "duplicate key"),
        ("tasks: [copy-memory[delay=5]]", "Quote words with brackets"),
        ("tasks: [copy-memory]\nmodels: [*gru*]", "quote a pattern with a star"),
        ("a: &a [x, x]\nb: &b [*a, *a]\ntasks: [*b, *b]", "aliases are not allowed"),
        ("tasks: !!python/object/apply:os.system [echo]", "not valid YAML"),
        ("tasks: [copy-memory]\n---\ntasks: [copy-memory]", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
        ("tasks: [a]\nseeds: " + "9" * 5000, "mine.yaml"),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_malformed_suite_is_refused_saying_where(
    suite_file: Path, text: str, message: str
) -> None:
    suite_file.write_text(text, encoding="utf-8")
    said = refusal(suite_file)
    assert message in said
    assert "mine.yaml" in said


def test_a_file_that_is_no_text_is_refused(suite_file: Path) -> None:
    suite_file.write_bytes(b"tasks: [\xff\xfe]")
    assert "not UTF-8" in refusal(suite_file)


def test_a_file_too_large_is_refused_unread(suite_file: Path) -> None:
    suite_file.write_bytes(b"#" * (SIZE_LIMIT + 1))
    assert "too large" in refusal(suite_file)


def test_paths_that_are_not_files_are_refused(suite_file: Path, tmp_path: Path) -> None:
    assert "No such file" in refusal(suite_file)
    suite_file.mkdir()
    assert "cannot be read" in refusal(suite_file)
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    assert "not a regular file" in refusal(pipe)
    assert "not a path" in refusal(Path("a\0b.yaml"))
    assert "cannot be read" in refusal(Path("x" * 300 + ".yaml"))


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'memory'"):
        load_suite("memry")


YAML_LIKE = st.text("tasks: models[]{}\n-'\"#&*!|>%@`,?\t 019.eE~", max_size=60)


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=60) | YAML_LIKE | YAML_LIKE.map("tasks: [a]\n".__add__))
@example("%YAML 1.1\n---\ntasks: [a]")
@example("? a\n: b")
@example("{[a]: b}")
@example("{{}: b}")
@example("2001-99-99: 1")
@example("a: 1e999\n0x: .inf")
@example("=: 1")
@example("!!binary x")
@example("!!omap [1]")
@example("<<: 1")
@example("!!timestamp x")
@example("!!float x")
@example("!!int ''")
@example("!!int _")
@example("190:20:30.15:")
def test_any_text_is_a_suite_or_refused_in_one_line(suite_file: Path, text: str) -> None:
    suite_file.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    outcome = read_or_refused(suite_file)
    assert outcome.isprintable() if isinstance(outcome, str) else outcome.tasks


def read_or_refused(path: Path) -> Suite | str:
    try:
        return load_suite(str(path))
    except UsageError as error:
        return str(error)


def test_the_committed_schema_is_current() -> None:
    committed = json.loads((DOCS / "suite.schema.json").read_text(encoding="utf-8"))
    assert committed == suite_schema(), "type: rnnbench new suite --schema > docs/suite.schema.json"


def test_the_schema_knows_every_field_and_refuses_others() -> None:
    schema = suite_schema()
    assert set(schema["properties"]) == set(Suite.model_fields)
    assert set(schema["properties"]["settings"]["properties"]) == set(Settings.model_fields)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["settings"]["additionalProperties"] is False
    named = [each["required"] for each in schema["anyOf"]]
    assert named == [["tasks"], ["parts"], ["claims"]]
    described = [
        *schema["properties"].values(),
        *schema["properties"]["settings"]["properties"].values(),
    ]
    assert all(each["description"] for each in described)


PARTS = """
models: [lstm, gru]
seeds: 5
settings: {batch_size: 8, steps: 100}
parts:
  - tasks: ["copy-memory[delay=20]"]
    settings: {steps: 2000}
  - tasks: [parity]
    models: [rnn]
    presets:
      quick: {settings: {steps: 7}}
presets:
  quick: {seeds: 2, settings: {steps: 50}}
"""


def test_parts_inherit_the_fields_of_the_suite(suite_file: Path) -> None:
    suite_file.write_text(PARTS, encoding="utf-8")
    suite = load_suite(str(suite_file))
    copy, parity = to_requests(suite, {})
    assert (copy.models, copy.seeds) == (["lstm", "gru"], 5)
    assert copy.settings == {"batch_size": 8, "steps": 2000}
    assert (parity.models, parity.seeds) == (["rnn"], 5)
    assert parity.settings == {"batch_size": 8, "steps": 100}
    assert copy.preset is None


def test_a_preset_of_a_suite_replaces_fields_of_every_part(suite_file: Path) -> None:
    suite_file.write_text(PARTS, encoding="utf-8")
    suite = load_suite(str(suite_file))
    assert suite.sizes == ["standard", "quick"]
    copy, parity = to_requests(suite, {"preset": "quick", "settings": {"batch_size": 4}})
    assert (copy.seeds, parity.seeds) == (2, 2)
    assert copy.settings == {"batch_size": 4, "steps": 50}
    assert parity.settings == {"batch_size": 4, "steps": 7}
    # it is not a preset of the tasks
    assert copy.preset is parity.preset is None
    assert to_requests(suite, {"preset": "standard"}) == to_requests(suite, {})
    with pytest.raises(UsageError, match=r"no preset 'quik'\. Did you mean 'quick'"):
        to_requests(suite, {"preset": "quik"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parts: [{models: [lstm]}]", "names no tasks"),
        ("parts: []", "parts"),
        ("parts: [{tasks: [parity], settings: {step: 1}}]", "parts.0.settings.step"),
        ("parts: [{tasks: [parity], description: x}]", "parts.0.description"),
        ("tasks: [parity]\npresets: {quick: {settings: {step: 1}}}", "presets.quick.settings.step"),
        ("tasks: [parity]\npresets: {quick: {parts: []}}", "presets.quick.parts"),
        ("claims: []", "claims"),
    ],
)
def test_a_malformed_part_is_refused_saying_where(
    suite_file: Path, text: str, message: str
) -> None:
    suite_file.write_text(text, encoding="utf-8")
    assert message in refusal(suite_file)


def test_the_page_describes_every_field_and_setting() -> None:
    # a table of Markdown needs the bar escaped
    page = (DOCS / "suites.md").read_text(encoding="utf-8").replace("\\|", "|")
    for name, field in {**Suite.model_fields, **Settings.model_fields}.items():
        assert f"| `{name}` | " in page
        assert str(field.description) in page, name


def test_the_examples_of_the_page_are_suites(suite_file: Path) -> None:
    page = (DOCS / "suites.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert shown
    for text in shown:
        suite_file.write_text(text, encoding="utf-8")
        assert make_plan(to_requests(load_suite(str(suite_file)), {})[0], registry.load())
