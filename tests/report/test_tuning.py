"""The parts of a report on tuning, sources of variation, and trials without a score."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnbench.analysis.groups import group
from rnnbench.analysis.judged import JudgedTask
from rnnbench.analysis.tuning.recipes import tuned_configurations, tuned_models
from rnnbench.analysis.tuning.studies import studies
from rnnbench.records.result import Record, Status
from rnnbench.records.settings import Settings
from rnnbench.records.space import Axis
from rnnbench.records.syntax import OptionValue
from rnnbench.report.blocks import Figure
from rnnbench.report.figures.style import assign_styles
from rnnbench.report.page.sentences import budget, findings
from rnnbench.report.page.tables import comparisons
from rnnbench.report.page.tuning import changes_text, importance_table, tuning_section
from rnnbench.report.page.unscored import with_worst
from rnnbench.report.write import write_report
from tests.support.factory import record, trial_spec
from tests.support.tries import try_record

SPREAD = (0.0, 0.01, -0.01, 0.02, -0.02)
SPACE = (
    Axis(name="learning_rate", low=1e-4, high=1e-1, log=True),
    Axis(name="optimizer", choices=("adam", "sgd")),
)
CHOSEN: dict[str, OptionValue] = {"learning_rate": 0.004, "optimizer": "sgd"}
SCORES = {"gru": (0.5, 0.6), "lstm": (0.3, 0.8)}


def reported() -> list[Record]:
    tuned = Settings.model_validate({**Settings().model_dump(), **CHOSEN})
    return [
        record(score + SPREAD[seed], model=model, seed=seed, settings=settings, ratio=None)
        for model, both in SCORES.items()
        for score, settings in zip(both, (Settings(), tuned), strict=True)
        for seed in range(5)
    ]


def tries(count: int = 12, lost: Status | None = Status.DIVERGED) -> list[Record]:
    found = []
    for model in SCORES:
        for number in range(count):
            last = number == count - 1
            values: dict[str, OptionValue] = {
                "learning_rate": 2e-4 * 1.4**number,
                "optimizer": ("adam", "sgd")[number % 2],
            }
            failed = lost is not None and number == 2
            found.append(
                try_record(
                    number,
                    None if failed else 0.85 if last else 0.3 + 0.02 * number,
                    values=CHOSEN if last else values,
                    study=model,
                    model=model,
                    space=SPACE,
                    status=lost if failed and lost is not None else Status.DONE,
                    asked=count,
                )
            )
    return found


def varied() -> list[Record]:
    return [
        record(
            0.3 + 0.01 * seed,
            spec=trial_spec(seed=seed).model_copy(update={"varied": "init"}),
            slope=None,
            ratio=None,
        )
        for seed in range(5)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with default and tuned recipes, tries, and trials of one source."""
    target = tmp_path_factory.mktemp("reports") / "tuned"
    lost = record(model="gru", seed=5, status=Status.DIVERGED, error="loss is not finite")
    write_report([*reported(), *varied(), lost], target, tries=tries())
    return target


def text_of(folder: Path) -> str:
    return (folder / "report.md").read_text(encoding="utf-8").replace("\\", "")


def table_of(text: str, title: str) -> list[list[str]]:
    body = text.split(f"**{title}**\n\n")[1].split("\n\n")[0]
    return [re.split(r" *\| *", row)[1:-1] for row in body.splitlines()[2:]]


def test_both_recipes_are_rows_with_their_paired_difference(folder: Path) -> None:
    rows = {row[0]: row for row in table_of(text_of(folder), "Default and tuned recipes")}
    for model, (default, tuned) in SCORES.items():
        row = rows[model]
        assert row[1].startswith(f"{default:.3f}")
        assert row[2].startswith(f"{tuned:.3f}")
        # the same spread over seeds: the paired difference is known exactly
        assert row[3].startswith(f"+{tuned - default:.3f}")
        assert row[4] == "5"
        assert row[7] == "learning_rate=0.004, optimizer=sgd"
        assert row[9] == "11/12"
    board = [row[0] for row in table_of(text_of(folder), "Leaderboard")]
    assert {"gru", "gru (tuned)", "lstm", "lstm (tuned)"} <= set(board)


def test_the_page_shows_the_tries(folder: Path) -> None:
    figures = {path.stem for path in (folder / "figures").glob("*.svg")}
    assert {"tuning-1-sensitivity", "tuning-1-tries"} <= figures
    text = text_of(folder)
    lost = table_of(text, "Tries without a score")
    assert [(row[0], row[1], row[2]) for row in lost] == [
        (model, "2", "diverged") for model in ("lstm", "gru")
    ]
    assert len(table_of(text, "Importance of the settings")) == 2


def test_the_changed_verdict_is_a_sentence(folder: Path) -> None:
    assert "Of 1 pair of models, 1 verdict changes" in text_of(folder)


def test_the_condition_of_the_findings_is_right_with_tuning() -> None:
    known = studies(tries())
    (task,) = group(reported(), tuned_configurations(known))
    models = tuned_models(task, known)
    lines = findings(JudgedTask(task))
    assert any(line.startswith("At one untuned recipe, gru has the best") for line in lines)
    assert any(
        line.startswith("With tuned recipes, lstm (tuned) has the best mean score")
        for line in lines
    )
    text = " ".join(budget(task, models))
    assert "none was tuned" not in text
    assert "12 tries of random search over learning_rate in [0.0001, 0.1] and optimizer" in text
    assert "by validation, on a seed (2147483647) that is not reported" in text
    assert "gru (learning_rate=0.004, optimizer=sgd)" in text
    assert "none was tuned" in " ".join(budget(group(reported()[:5])[0]))


def test_pairs_are_judged_within_default_and_within_tuned_recipes() -> None:
    known = studies(tries())
    (task,) = group(reported(), tuned_configurations(known))
    tables = [comparisons(field, "accuracy") for field in JudgedTask(task).fields]
    pairs = [[row.cells[:2] for row in table.rows] for table in tables if table]
    assert pairs == [[("gru", "lstm")], [("lstm (tuned)", "gru (tuned)")]]
    assert all(table and any("5 % are shared" in note for note in table.notes) for table in tables)


def test_the_probability_of_beating_stands_beside_the_difference() -> None:
    (task,) = group([r for r in reported() if r.spec.settings == Settings()])
    table = comparisons(JudgedTask(task).fields[0], "accuracy")
    assert table is not None
    (place,) = [i for i, column in enumerate(table.columns) if "A beats B" in column.title]
    assert table.rows[0].cells[place].startswith("1.00 [")


def test_no_tuning_changes_no_page(tmp_path: Path) -> None:
    write_report(reported()[:5], tmp_path / "report")
    text = text_of(tmp_path / "report")
    assert "tuning" not in text.replace("untuned", "")
    assert "What the seeds vary" not in text


def test_the_seeds_vary_in_a_section_of_their_own(folder: Path) -> None:
    text = text_of(folder)
    (row,) = table_of(text, "Spread by source")
    assert row[:2] == ["copy-memory", "lstm"]
    assert row[2].startswith("0.0158")
    assert row[3].startswith("0.0158")
    assert "and 5 that vary one source of randomness" in text
    assert len(table_of(text, "Leaderboard")) == 4 + 2


def test_diverged_trials_are_counted_in_one_table_and_left_out_in_the_other(folder: Path) -> None:
    rows = {
        row[0]: row
        for row in table_of(text_of(folder), "Trials without a score as the worst score")
    }
    gru = rows["gru"]
    assert gru[1].startswith(f"{(5 * 0.5 + 0.125) / 6:.3f}")
    assert gru[2].startswith("0.500")
    assert gru[3:] == ["5", "1", "1 diverged"]
    (task,) = group(reported()[:5])
    assert with_worst(task) is None


def test_tries_of_other_samplers_are_refused_a_curve_in_a_sentence(tmp_path: Path) -> None:
    found = [
        try_record(k, 0.1 * k, values={"learning_rate": 1e-4 * 2**k}, model="gru", sampler="tpe")
        for k in range(5)
    ]
    write_report(reported()[:5], tmp_path / "report", tries=found)
    text = text_of(tmp_path / "report")
    assert "No expected best score by number of tries for gru: tries of TPE" in text
    assert not (tmp_path / "report" / "figures" / "tuning-1-tries.svg").exists()


@pytest.mark.parametrize("lost", [None, Status.DIVERGED])
def test_panels_keep_their_width_with_and_without_failed_tries(
    tmp_path: Path, lost: Status | None
) -> None:
    """Matplotlib warns, which fails the test, where a panel has no room."""
    write_report(reported(), tmp_path / "report", tries=tries(lost=lost))
    assert (tmp_path / "report" / "figures" / "tuning-1-sensitivity.svg").is_file()


def test_studies_without_reported_trials_or_scores_still_make_a_report(tmp_path: Path) -> None:
    failed = [
        try_record(k, None, values={"learning_rate": 1e-3}, model="gru", status=Status.FAILED)
        for k in range(3)
    ]
    elsewhere = [try_record(k, 0.5, model="rnn", study="rnn", task="adding") for k in range(3)]
    write_report(reported()[:5], tmp_path / "report", tries=[*failed, *elsewhere])
    assert "no recipe was chosen, for gru" in text_of(tmp_path / "report")


def test_tuned_recipes_alone_still_make_a_report(tmp_path: Path) -> None:
    tuned = [r for r in reported() if r.spec.settings != Settings()]
    write_report(tuned, tmp_path / "report", tries=tries())
    assert "With tuned recipes, " in text_of(tmp_path / "report")


def test_a_setting_tuned_alone_has_no_importance() -> None:
    one = [try_record(k, 0.1 * k, model="gru") for k in range(6)]
    (task,) = group(reported()[:5])
    assert importance_table(tuned_models(task, studies(one))) is None
    assert changes_text(JudgedTask(task), tuned_models(task, studies(one))) == ""


def test_a_tuned_recipe_has_the_colour_of_the_default_one() -> None:
    styles = assign_styles(["gru", "gru (tuned)", "lstm", "other (tuned)"])
    assert styles["gru (tuned)"].colour == styles["gru"].colour
    assert styles["gru (tuned)"].marker == styles["gru"].marker
    assert styles["gru (tuned)"].dashes != styles["gru"].dashes
    assert len({styles[label].colour for label in ("gru", "lstm", "other (tuned)")}) == 3


def test_two_studies_of_one_model_are_told_apart_and_no_pair() -> None:
    again = [
        try_record(
            number,
            0.4 + 0.1 * number,
            values={"optimizer": each},
            study="again",
            space=(Axis(name="optimizer", choices=("adam", "sgd")),),
        )
        for number, each in enumerate(("adam", "sgd"))
    ]
    other = [
        record(0.7 + SPREAD[seed], seed=seed, settings=Settings(optimizer="sgd"), ratio=None)
        for seed in range(5)
    ]
    known = studies([*tries(), *again])
    (task,) = group([*reported(), *other], tuned_configurations(known))
    models = tuned_models(task, known)
    labels = {each.label for each in models}
    assert labels == {"lstm (learning_rate and optimizer)", "lstm (optimizer)", "gru"}
    text = changes_text(JudgedTask(task), models)
    assert text.startswith("Of 2 pairs of models")
    section = tuning_section(JudgedTask(task), models, assign_styles(["lstm", "gru"]), 1)
    figures = [part() for part in section.parts]
    assert sum(isinstance(each, Figure) for each in figures) == 2


def test_tries_are_drawn_without_default_recipes() -> None:
    tuned = [each for each in reported() if each.spec.settings != Settings()]
    known = studies(tries())
    (task,) = group(tuned, tuned_configurations(known))
    styles = assign_styles([each.label for each in task.configurations])
    section = tuning_section(JudgedTask(task), tuned_models(task, known), styles, 1)
    assert sum(isinstance(part(), Figure) for part in section.parts) == 2


def test_the_budget_names_the_whole_recipe() -> None:
    both = (Settings(), Settings(schedule="cosine", clip_norm=None, clip_value=0.5))
    (task,) = group([record(settings=settings, ratio=None) for settings in both])
    text = " ".join(budget(task))
    assert "schedule cosine" in text
    assert "gradient values clipped to 0.5" in text
    assert "no clipping" not in text
    assert "Budgets differ" in text
    (task,) = group(
        [
            record(model=model, settings=Settings(schedule=schedule), ratio=None)
            for model, schedule in (("gru", "constant"), ("lstm", "linear"))
        ]
    )
    assert "One recipe served every model" not in " ".join(budget(task))
