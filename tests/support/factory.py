"""Synthetic records for tests of statistics, tables, reports and stores.

``record(...)`` makes one trial; every part can be replaced or left out. ``study()`` makes a whole
small comparison.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from rnnbench.records.environment import Environment
from rnnbench.records.gradient import Direction, Gradient, Influence, Profile, half_life
from rnnbench.records.items import ItemScores
from rnnbench.records.plots import HeatmapPlot, LinePlot, Plot
from rnnbench.records.published import RecordedPublished
from rnnbench.records.result import (
    CurvePoint,
    DataSize,
    Learning,
    Record,
    RecordedCitation,
    Result,
    Size,
    Status,
)
from rnnbench.records.settings import Settings
from rnnbench.records.spec import ModelSpec, Provider, TaskSpec, TrialSpec
from rnnbench.records.speed import Kernel, Quartiles, Ratio, Speed, SpeedMode, SpeedPoint
from rnnbench.records.syntax import OptionValue

OWN = Provider(distribution="rnnbench", version="0.1.0")
ENVIRONMENT = Environment(
    device="cpu",
    processor="Example CPU",
    processor_model="ExampleMaker family 6 model 85 stepping 7",
    instruction_set="AVX512",
    cores=2,
    threads=1,
    memory_bytes=8 << 30,
    platform="Linux-6",
    python_version="3.11.4",
    torch_version="2.13.0",
    lightning_version="2.6.6",
    rnnbench_version="0.1.0",
)

LEVELS = {"lstm": 0.97, "gru": 0.96, "bilstm": 0.9, "attention-lstm": 0.93, "rnn": 0.3}
"""Mean final accuracy of the models of :func:`study`."""
PARAMS = {"lstm": 20_000, "gru": 15_000, "bilstm": 40_000, "attention-lstm": 26_000, "rnn": 5_000}
SLOPES = {"lstm": -0.05, "gru": -0.08, "bilstm": -0.06, "attention-lstm": -0.02, "rnn": -0.4}


def learning(
    score: float = 0.9,
    *,
    steps: int = 1000,
    direction: Literal["higher", "lower"] = "higher",
    baseline: float = 0.125,
    perfect: float = 1.0,
    threshold: float = 0.9,
    steps_to_solve: int | None = None,
    extra_scores: Mapping[str, float] | None = None,
    simple_scores: Mapping[str, float] | None = None,
    points: int = 20,
    last_score: float | None = None,
    still_improving: bool | None = False,
    clipped_share: float | None = 0.25,
    items: ItemScores | None = None,
) -> Learning:
    """A curve that rises (or falls) from the baseline to ``score``."""
    span = perfect - baseline
    reached = score >= threshold if direction == "higher" else score <= threshold
    first_solved = steps_to_solve if steps_to_solve is not None else steps // 2 if reached else None
    at = [round(steps * (i + 1) / points) for i in range(points)]
    progress = [1 - math.exp(-5 * (i + 1) / points) for i in range(points)]
    curve = tuple(
        CurvePoint(
            step=s,
            seconds=s * 0.004,
            train_loss=2.1 - p,
            validation_loss=2.2 - p,
            validation_score=baseline + (score - baseline) * p,
        )
        for s, p in zip(at, progress, strict=True)
    )
    return Learning(
        score_name="accuracy" if direction == "higher" else "mse",
        direction=direction,
        score=score,
        last_score=score if last_score is None else last_score,
        test_loss=0.2,
        skill=(score - baseline) / span,
        solved=reached,
        steps_to_solve=first_solved,
        steps_to_solve_validation=first_solved,
        still_improving=still_improving,
        clipped_share=clipped_share,
        best_step=steps,
        train_seconds=steps * 0.004,
        baseline=baseline,
        perfect=perfect,
        solved_threshold=threshold,
        simple_scores=dict(simple_scores or {}),
        extra_scores=dict(extra_scores or {}),
        curve=curve,
        items=items,
    )


def profile(
    slope: float,
    *,
    of: Literal["input", "state"] = "input",
    when: Literal["init", "trained"] = "init",
    direction: Direction = "past",
    lags: int = 40,
) -> Profile:
    """An exactly exponential profile: G(k) = exp(slope * k)."""
    values = tuple(math.exp(slope * k) for k in range(lags))
    fitted = of == "state" or when == "init"
    return Profile(
        of=of,
        when=when,
        direction=direction,
        lags=tuple(range(lags)),
        values=values,
        slope=slope if fitted else None,
        half_life=half_life(slope) if fitted else None,
        reach=max(k for k, value in enumerate(values) if value >= 1e-3 * max(values)),
        relevant_ratio=2.0 if of == "input" and direction == "past" else None,
    )


def influence(slope: float = -0.1, *, direction: Direction = "past", lags: int = 40) -> Influence:
    """An influence that decays exponentially, on two needed inputs and outputs."""
    values = tuple(math.exp(slope * k) for k in range(lags))
    past = direction == "past"
    return Influence(
        direction=direction,
        measure="total variation",
        lags=tuple(range(lags)),
        values=values,
        differing=(0.875,) * lags,
        noise=1e-8,
        floor=0.01,
        relevant=0.8 if past else None,
        irrelevant=0.1 if past else None,
        matrix=((0.8, 0.1), (0.1, None)) if past else (),
    )


def gradient(slope: float = -0.1, *, causal: bool = True) -> Gradient:
    """Profiles of ``slope`` at initialisation, and of half of it after training."""
    slopes: dict[Literal["init", "trained"], float] = {"init": slope, "trained": slope / 2}
    found = [profile(each, when=when) for when, each in slopes.items()]
    if causal:
        found += [profile(1.2 * each, of="state", when=when) for when, each in slopes.items()]
    else:
        found += [profile(each, when=when, direction="future") for when, each in slopes.items()]
    towards: tuple[Direction, ...] = ("past",) if causal else ("past", "future")
    replaced = tuple(influence(slope / 2, direction=each) for each in towards)
    if not causal:
        note = "no state profile: a non-causal core has no state that carries the past"
        return Gradient(profiles=tuple(found), influence=replaced, notes=(note,))
    return Gradient(
        profiles=tuple(found),
        influence=replaced,
        lyapunov_init=(slope, 2 * slope),
        lyapunov_trained=(slope / 2,),
        lyapunov_method="finite-time singular values",
        lyapunov_steps=29,
    )


def size(params: int = 20_000) -> Size:
    """A size whose parts add up to ``params``."""
    decoder = min(650, params // 4)
    return Size(
        params_encoder=0,
        params_core=params - decoder,
        params_decoder=decoder,
        state_size=128,
        matmul_flops_per_step=2.0 * params,
        elementwise_per_step=832.0,
    )


def speed(
    ratio: float = 1.0,
    *,
    plain: float | None = 0.9,
    noisy: bool = False,
    lengths: Sequence[int] = (40, 10, 160),
    comparator: str = "lstm",
) -> Speed:
    """Timings ``ratio`` times those of the comparator; the first length is the task's own.

    ``plain`` is the ratio of the plain loops, ``None`` for a model without one. With ``noisy`` the
    training step scatters, and nothing else.
    """

    def quartiles(middle: float) -> Quartiles:
        return Quartiles(median=middle, low=0.95 * middle, high=1.08 * middle)

    def point(
        mode: SpeedMode, length: int, batch_size: int, seconds: float, ratio: float
    ) -> SpeedPoint:
        spread = 0.3 if noisy and mode == "train" else 0.02
        return SpeedPoint(
            mode=mode,
            length=length,
            batch_size=batch_size,
            seconds=quartiles(ratio * seconds),
            comparator_seconds=quartiles(seconds),
            ratio=Ratio(
                median=ratio,
                low=(1 - spread) * ratio,
                high=(1 + spread) * ratio,
                level=0.96875,
                processes=6,
            ),
        )

    modes: tuple[tuple[SpeedMode, float], ...] = (("forward", 1e-4), ("train", 3e-4))
    points = [
        point(mode, length, 64, unit * length, ratio) for length in lengths for mode, unit in modes
    ]
    points.append(point("stream", 1, 1, 5e-5, ratio))
    plain_points = []
    if plain is not None:
        plain_points = [point(mode, lengths[0], 64, 3 * unit, plain) for mode, unit in modes]
        plain_points.append(point("stream", 1, 1, 9e-5, plain))
    fused = Kernel(kind="fused", operations=("aten::mkldnn_rnn_layer",), dispatched_per_step=0.0)
    compiled = Kernel(kind="C++ loop", operations=("aten::gru",), dispatched_per_step=0.0)
    return Speed(
        comparator=comparator,
        points=tuple(points),
        plain_points=tuple(plain_points),
        kernels={"train": compiled, "forward": compiled},
        comparator_kernels={"train": fused, "forward": fused},
        peak_memory_bytes=200 << 20,
        dtype="float32",
        processes=6,
        environment=ENVIRONMENT,
    )


def plots(amplitude: float = 0.9) -> tuple[Plot, ...]:
    """One of each kind; the forecast has the ``amplitude`` given, that of the truth being 1."""
    x = tuple(float(step) for step in range(60))
    truth = tuple(math.sin(0.3 * step) for step in x)
    forecast = tuple(None if step < 20 else amplitude * math.sin(0.3 * step + 0.1) for step in x)
    weights = np.random.default_rng(0).dirichlet(np.ones(24), 12)
    return (
        LinePlot(
            title="Truth and forecast",
            x_label="time step",
            y_label="value",
            x=x,
            lines={"truth": truth, "forecast": forecast},
        ),
        HeatmapPlot(
            title="Attention weights",
            x_label="step attended to",
            y_label="step",
            values=tuple(map(tuple, weights.tolist())),
        ),
    )


def trial_spec(
    *,
    task: str = "copy-memory",
    task_options: Mapping[str, OptionValue] | None = None,
    model: str = "lstm",
    model_options: Mapping[str, OptionValue] | None = None,
    hidden_size: int = 64,
    causal: bool = True,
    seed: int = 0,
    settings: Settings | None = None,
    provider: Provider = OWN,
) -> TrialSpec:
    """A specification whose options given are also those shown."""
    return TrialSpec(
        task=TaskSpec(
            name=task,
            version=1,
            provider=OWN,
            options=dict(task_options or {}),
            shown=dict(task_options or {}),
        ),
        model=ModelSpec(
            name=model,
            provider=provider,
            hidden_size=hidden_size,
            causal=causal,
            options=dict(model_options or {}),
            shown=dict(model_options or {}),
        ),
        settings=settings or Settings(),
        seed=seed,
    )


def record(
    score: float = 0.9,
    *,
    status: Status = Status.DONE,
    error: str | None = None,
    attempt: int = 1,
    spec: TrialSpec | None = None,
    learned: Learning | None = None,
    slope: float | None = -0.1,
    params: int = 20_000,
    ratio: float | None = 1.0,
    noisy: bool = False,
    drawn: tuple[Plot, ...] = (),
    citations: tuple[RecordedCitation, ...] = (),
    published: tuple[RecordedPublished, ...] = (),
    command: str = "rnnbench run -t copy-memory -m lstm --seeds 3",
    data_size: DataSize | None = None,
    environment: Environment = ENVIRONMENT,
    **spec_options: Any,
) -> Record:
    """One attempt; ``slope=None`` omits the gradient, ``ratio=None`` the speed.

    Other keywords go to :func:`trial_spec`.
    """
    spec = spec or trial_spec(**spec_options)
    done = status is Status.DONE
    result = Result(
        status=status,
        error=error if error is not None or done else f"{status.value}: something went wrong",
        learning=(learned or learning(score, steps=spec.settings.steps)) if done else None,
        size=size(params) if done else None,
        gradient=gradient(slope, causal=spec.model.causal) if done and slope is not None else None,
        plots=drawn,
        data_size=data_size,
        citations=citations,
        published=published,
        environment=environment,
    )
    return Record(
        trial_id=spec.trial_id,
        attempt=attempt,
        spec=spec,
        result=result,
        started_at="2026-01-02T03:04:05+00:00",
        seconds=12.5,
        command=command,
        speed=None if ratio is None else speed(ratio, noisy=noisy),
    )


def study(
    *,
    tasks: Sequence[str] = ("copy-memory", "sine-forecasting"),
    models: Sequence[str] = tuple(LEVELS),
    seeds: int = 5,
    points: int = 20,
) -> list[Record]:
    """A comparison in which all models but ``rnn`` learn.

    The score of ``sine-forecasting`` is an error: lower is better.
    """
    rng = np.random.default_rng(1)
    return [
        _study_record(task, model, seed, float(rng.normal(0, 0.01)), points)
        for task in tasks
        for model in models
        for seed in range(seeds)
    ]


def _study_record(task: str, model: str, seed: int, noise: float, points: int) -> Record:
    level = min(0.999, LEVELS.get(model, 0.5) + noise)
    falling = task == "sine-forecasting"
    learned = learning(
        0.01 + 0.2 * (1 - level) if falling else level,
        points=points,
        direction="lower" if falling else "higher",
        baseline=0.25 if falling else 0.125,
        perfect=0.01 if falling else 1.0,
        threshold=0.03 if falling else 0.9,
        extra_scores={"recursive mse": 0.1 * (1.2 - level)} if falling else {},
        simple_scores={"persistence": 0.4, "AR(2)": 0.012} if falling else {},
    )
    cited = (
        RecordedCitation(
            of=model,
            key="Hochreiter & Schmidhuber 1997",
            title="Long short-term memory",
            venue="Neural Computation 9(8)",
            url="https://doi.org/10.1162/neco.1997.9.8.1735",
        ),
        RecordedCitation(
            of=task,
            key="Arjovsky et al. 2016",
            title="Unitary evolution recurrent neural networks",
            venue="ICML",
        ),
    )
    return record(
        learned=learned,
        task=task,
        model=model,
        seed=seed,
        causal=model != "bilstm",
        slope=SLOPES.get(model, -0.1) + noise,
        params=PARAMS.get(model, 10_000),
        ratio=PARAMS.get(model, 10_000) / 20_000,
        noisy=model == "attention-lstm",
        drawn=plots(level) if seed == 0 and (falling or model == "attention-lstm") else (),
        citations=cited,
        command=f"rnnbench run -t {task} -m {model} --seeds 3",
    )
