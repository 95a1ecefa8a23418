"""The time that trials will take, from the durations of earlier ones."""

from __future__ import annotations

import pytest

from rnnbench.execution.duration import expected
from rnnbench.records.result import Record, Status
from rnnbench.records.spec import TrialSpec
from tests.support.factory import record
from tests.support.tries import try_record


def took(seconds: float, trained: float, found: Record) -> Record:
    """Return a record of that many seconds, of which ``trained`` in optimizer steps."""
    assert found.result.learning is not None
    learning = found.result.learning.model_copy(update={"train_seconds": trained})
    result = found.result.model_copy(update={"learning": learning})
    return found.model_copy(update={"seconds": seconds, "result": result})


def longer(spec: TrialSpec, factor: int) -> TrialSpec:
    steps = factor * spec.settings.steps
    return spec.model_copy(update={"settings": spec.settings.model_copy(update={"steps": steps})})


def test_the_time_in_steps_is_proportional_to_them_and_the_rest_is_not() -> None:
    done = took(10.0, 8.0, record())
    found = expected([longer(done.spec, 3), done.spec], [done])
    assert found is not None
    assert found.seconds == pytest.approx((3 * 8 + 2) + (8 + 2))
    assert (found.earlier, found.guessed) == (1, 0)


def test_the_same_network_counts_before_others_of_its_model() -> None:
    small, large = took(4.0, 4.0, record()), took(20.0, 20.0, record())
    wide = large.spec.model.model_copy(update={"hidden_size": 1000})
    large = large.model_copy(update={"spec": large.spec.model_copy(update={"model": wide})})
    found = expected([small.spec], [small, large])
    assert found is not None
    assert found.seconds == pytest.approx(4.0)
    other = small.spec.model.model_copy(update={"hidden_size": 500})
    found = expected([small.spec.model_copy(update={"model": other})], [small, large])
    assert found is not None
    assert found.seconds == pytest.approx(12.0)


def test_a_trial_of_a_new_model_counts_as_the_mean_of_the_others() -> None:
    done = took(6.0, 3.0, record())
    new = done.spec.model_copy(
        update={"model": done.spec.model.model_copy(update={"name": "other"})}
    )
    found = expected([done.spec, new], [done])
    assert found is not None
    assert found.seconds == pytest.approx(12.0)
    assert found.guessed == 1
    assert expected([new], [done]) is None


def test_tries_count_and_trials_without_an_end_do_not() -> None:
    failed = record()
    failed = failed.model_copy(
        update={"result": failed.result.model_copy(update={"status": Status.FAILED})}
    )
    assert expected([failed.spec], [failed]) is None
    a_try = try_record(0, 0.8)
    found = expected([a_try.spec], [a_try, failed])
    assert found is not None
    assert found.seconds == pytest.approx(a_try.seconds)
    assert found.earlier == 1
