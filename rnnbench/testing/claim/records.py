"""Records with every part that a measure may read, in which a measure writes its number."""

from __future__ import annotations

from rnnbench.records.environment import Environment
from rnnbench.records.gradient import Gradient, Profile
from rnnbench.records.result import (
    CurvePoint,
    Learning,
    Record,
    Result,
    Size,
    Status,
)
from rnnbench.records.spec import TrialSpec
from rnnbench.records.speed import Quartiles, Ratio, Speed, SpeedMode, SpeedPoint

_LENGTHS = (16, 32, 64, 128, 256, 512, 1024)
_LAGS = tuple(range(0, 201))


def blank(spec: TrialSpec) -> Record:
    """Return a finished record of a trial; its numbers mean nothing until a measure writes them."""
    return Record(
        trial_id=spec.trial_id,
        attempt=1,
        spec=spec,
        result=Result(
            status=Status.DONE,
            learning=_LEARNING,
            size=Size(
                params_encoder=0,
                params_core=1,
                params_decoder=0,
                state_size=1,
                matmul_flops_per_step=1.0,
                elementwise_per_step=1.0,
            ),
            gradient=_GRADIENT,
        ),
        started_at="2000-01-01T00:00:00+00:00",
        seconds=1.0,
        speed=_SPEED,
    )


_POINT = CurvePoint(step=1, seconds=1.0, train_loss=1.0, validation_loss=1.0, validation_score=0.0)
_LEARNING = Learning(
    score_name="score",
    direction="higher",
    score=0.0,
    last_score=0.0,
    test_loss=1.0,
    skill=0.0,
    solved=False,
    steps_to_solve=None,
    steps_to_solve_validation=None,
    still_improving=None,
    clipped_share=0.0,
    best_step=1,
    train_seconds=1.0,
    baseline=0.0,
    perfect=1.0,
    solved_threshold=0.99,
    curve=(_POINT, _POINT.model_copy(update={"step": 2})),
)
_GRADIENT = Gradient(
    profiles=tuple(
        Profile(
            of=of,
            when=when,
            lags=_LAGS,
            values=(1.0,) * len(_LAGS),
            slope=0.0,
            half_life=1.0,
            reach=0,
        )
        for of in ("input", "state")
        for when in ("init", "trained")
    ),
    lyapunov_init=(0.0,),
    lyapunov_trained=(0.0,),
    lyapunov_method="QR",
)


def _timing(mode: SpeedMode, length: int) -> SpeedPoint:
    second = Quartiles(median=1.0, low=1.0, high=1.0)
    return SpeedPoint(
        mode=mode,
        length=length,
        batch_size=1,
        seconds=second,
        comparator_seconds=second,
        ratio=Ratio(median=1.0, low=0.99, high=1.01, level=0.95, processes=5),
    )


_SPEED = Speed(
    comparator="lstm",
    points=tuple(
        _timing(mode, length) for length in _LENGTHS for mode in ("train", "forward", "stream")
    ),
    plain_points=tuple(_timing(mode, _LENGTHS[0]) for mode in ("train", "forward", "stream")),
    peak_memory_bytes=1,
    dtype="float32",
    processes=5,
    environment=Environment(
        device="cpu",
        processor="simulated",
        processor_model="",
        instruction_set="",
        cores=1,
        threads=1,
        memory_bytes=1,
        platform="simulated",
        python_version="3",
        torch_version="2",
        lightning_version="2",
        rnnbench_version="0",
    ),
)
