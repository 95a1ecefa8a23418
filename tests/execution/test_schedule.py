"""The order of trials: each once, the longest early, so that no core waits at the end."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract import registry as plugins
from rnnbench.execution.schedule import Queue
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.spec import TrialSpec
from tests.support.tries import try_record

MODELS = ("rnn", "lstm", "gru", "bilstm", "attention-lstm")


def trials(models: Sequence[str] = MODELS, seeds: int = 3) -> list[TrialSpec]:
    """Plan trials of several models."""
    return make_plan(Request(["copy-memory"], models, seeds=seeds), plugins.load())


def taken(queue: Queue) -> list[TrialSpec]:
    """Take everything."""
    return [queue.take() for _ in range(len(queue))]


def makespan(queue: Queue, seconds: dict[str, float], jobs: int) -> float:
    """Return the end of the last trial, for durations by model and ``jobs`` trials at a time."""
    running: list[tuple[float, int, float, TrialSpec]] = []  # end, tie breaker, start, trial
    now, count = 0.0, 0
    while queue or running:
        while queue and len(running) < jobs:
            for _, _, started, spec in running:
                queue.observe_running(spec, now - started)
            spec = queue.take()
            count += 1
            heapq.heappush(running, (now + seconds[spec.model.name], count, now, spec))
        now, _, started, spec = heapq.heappop(running)
        queue.observe_end(spec, now - started, failed=False)
    return now


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.lists(st.floats(0.0, 100.0), min_size=20, max_size=20))
def test_every_trial_is_taken_once_whatever_was_observed(seeds: int, seconds: list[float]) -> None:
    planned = trials(seeds=seeds)
    queue = Queue(planned)
    seen: list[str] = []
    while queue:
        spec = queue.take()
        queue.observe_end(spec, seconds[len(seen)], failed=False)
        seen.append(spec.trial_id)
    assert sorted(seen) == sorted(spec.trial_id for spec in planned)


def test_before_anything_is_known_trials_run_in_the_order_of_the_plan() -> None:
    planned = trials(seeds=1)
    assert taken(Queue(planned)) == planned


def test_the_first_trial_of_each_configuration_comes_before_any_second_one() -> None:
    queue = Queue(trials())
    first = []
    for _ in MODELS:
        spec = queue.take()
        queue.observe_end(spec, 5.0, failed=False)
        first.append(spec.model.name)
    assert sorted(first) == sorted(MODELS)


def test_then_the_slowest_configuration_comes_first() -> None:
    queue = Queue(trials(("rnn", "lstm", "gru")))
    for spec in [queue.take() for _ in range(3)]:
        queue.observe_end(
            spec, {"rnn": 1.0, "lstm": 9.0, "gru": 3.0}[spec.model.name], failed=False
        )
    assert [spec.model.name for spec in taken(queue)] == [
        "lstm",
        "lstm",
        "gru",
        "gru",
        "rnn",
        "rnn",
    ]


def test_of_a_trial_that_is_still_running_the_latest_expectation_counts() -> None:
    queue = Queue(trials(("rnn", "lstm")))
    running, ended = queue.take(), queue.take()
    queue.observe_end(ended, 2.0, failed=False)
    queue.observe_running(running, 1.0)
    assert queue.take().model.name == ended.model.name
    queue.observe_running(running, 3.0)
    assert queue.take().model.name == running.model.name


def test_what_has_failed_comes_last_however_long_it_took() -> None:
    queue = Queue(trials(("rnn", "lstm", "gru")))
    for spec in [queue.take() for _ in range(3)]:
        seconds = {"rnn": 600.0, "lstm": 9.0, "gru": 3.0}[spec.model.name]
        queue.observe_end(spec, seconds, failed=spec.model.name == "rnn")
    assert [spec.model.name for spec in taken(queue)] == [
        "lstm",
        "lstm",
        "gru",
        "gru",
        "rnn",
        "rnn",
    ]


def test_a_trial_that_was_put_back_is_taken_again() -> None:
    queue = Queue(trials(("rnn",), seeds=2))
    spec = queue.take()
    queue.put_back(spec)
    assert len(queue) == 2
    assert spec in taken(queue)


def test_what_waits_is_expected_to_take_what_its_configuration_took() -> None:
    queue = Queue(trials(("rnn", "lstm"), seeds=3))
    assert queue.seconds_waiting() is None
    first, second = queue.take(), queue.take()
    assert queue.expected(first) == 0.0
    queue.observe_running(second, 20.0)
    queue.observe_end(first, 5.0, failed=False)
    assert (queue.expected(first), queue.expected(second)) == (5.0, 20.0)
    assert queue.seconds_waiting() == 2 * 5.0 + 2 * 20.0
    queue.observe_running(second, 1000.0)
    queue.observe_end(second, 30.0, failed=False)
    assert queue.seconds_waiting() == 2 * 5.0 + 2 * 30.0, (
        "what a trial took counts more than what one looks like"
    )


def test_removing_a_model_leaves_the_others() -> None:
    queue = Queue(trials(("rnn", "lstm", "lstm[num_layers=2]")))
    queue.take()  # an rnn
    assert queue.remove_model("lstm") == 6
    assert {spec.model.name for spec in taken(queue)} == {"rnn"}
    assert queue.remove_model("lstm") == 0


def test_nothing_can_be_taken_from_an_empty_queue() -> None:
    with pytest.raises(IndexError):
        Queue([]).take()


def test_no_core_waits_for_one_last_long_trial() -> None:
    """One model of five takes six times as long; in the order of the plan, 54 s."""
    seconds = dict.fromkeys(MODELS, 3.0) | {"attention-lstm": 18.0}
    assert makespan(Queue(trials()), seconds, jobs=2) == 45.0  # of work there is 90 s


def test_trials_added_later_wait_like_the_others() -> None:
    early, late = trials(("rnn",)), trials(("lstm",))
    queue = Queue(early)
    first = queue.take()
    queue.observe_end(first, 4.0, failed=False)
    assert queue.seconds_waiting() == 2 * 4.0
    assert queue.seconds_waiting(later=3) == 5 * 4.0
    queue.add(late)
    assert queue.seconds_waiting() == 5 * 4.0
    assert sorted(spec.trial_id for spec in [first, *taken(queue)]) == sorted(
        spec.trial_id for spec in early + late
    )


def test_the_longest_study_is_taken_first_once_its_duration_is_known() -> None:
    studies = {name: [try_record(n, 0.5, study=name).spec for n in range(4)] for name in "ab"}
    queue = Queue([*studies["a"], *studies["b"]])
    assert {spec.trial_id for spec in queue.first_of_each()} == {
        spec.trial_id for specs in studies.values() for spec in specs
    }
    first, second = queue.take(), queue.take()
    assert [each.tuning and each.tuning.study for each in (first, second)] == ["a", "b"]
    queue.observe_end(first, 1.0, failed=False)
    queue.observe_end(second, 5.0, failed=False)
    rest = [spec.tuning and spec.tuning.study for spec in taken(queue)]
    assert rest == ["b"] * 3 + ["a"] * 3
