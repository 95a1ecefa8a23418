"""Parts of a recipe, written ``name[option=value]``: optimizer, schedule, initial weights, block.

A part is recorded in its canonical spelling: options that equal their defaults are left out, the
others are in alphabetical order. Two spellings of one part are thereby one setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar, get_args

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from rnnbench.errors import UsageError, did_you_mean
from rnnbench.records.base import Data
from rnnbench.records.syntax import parse_selectors, with_options

Share: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
NonNegative: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Part(Data):
    """A named part of a recipe with its options; one class per name."""

    name: ClassVar[str]

    @property
    def label(self) -> str:
        """The canonical spelling, e.g. ``cosine[final=0.1,warmup=200]``."""
        changed = self.model_dump(exclude_defaults=True)
        return with_options(self.name, changed)


P = TypeVar("P", bound=Part)

# -- optimizers: names and options of torch.optim, with ``beta1, beta2`` for ``betas``


class Adam(Part):
    """Adam (Kingma and Ba 2015)."""

    name = "adam"
    beta1: Share = 0.9
    beta2: Share = 0.999
    eps: NonNegative = 1e-8
    amsgrad: bool = False


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    name = "adamw"


class NAdam(Part):
    """Adam with Nesterov momentum (Dozat 2016)."""

    name = "nadam"
    beta1: Share = 0.9
    beta2: Share = 0.999
    eps: NonNegative = 1e-8
    momentum_decay: NonNegative = 4e-3


class RAdam(Part):
    """Rectified Adam (Liu et al. 2020)."""

    name = "radam"
    beta1: Share = 0.9
    beta2: Share = 0.999
    eps: NonNegative = 1e-8


class Adamax(Part):
    """Adam with the infinity norm (Kingma and Ba 2015)."""

    name = "adamax"
    beta1: Share = 0.9
    beta2: Share = 0.999
    eps: NonNegative = 1e-8


class Adagrad(Part):
    """Adagrad (Duchi et al. 2011)."""

    name = "adagrad"
    lr_decay: NonNegative = 0.0
    initial_accumulator_value: NonNegative = 0.0
    eps: NonNegative = 1e-10


class Adadelta(Part):
    """Adadelta (Zeiler 2012)."""

    name = "adadelta"
    rho: Share = 0.9
    eps: NonNegative = 1e-6


class RMSprop(Part):
    """RMSprop (Tieleman and Hinton 2012); alpha 0.9 as in the recurrent literature."""

    name = "rmsprop"
    alpha: Share = 0.9
    eps: NonNegative = 1e-8
    momentum: NonNegative = 0.0
    centered: bool = False


class SGD(Part):
    """Stochastic gradient descent; momentum 0.9 as in the recurrent literature."""

    name = "sgd"
    momentum: NonNegative = 0.9
    dampening: NonNegative = 0.0
    nesterov: bool = False

    @field_validator("nesterov")
    @classmethod
    def _momentum_without_dampening(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and (not info.data.get("momentum") or info.data.get("dampening")):
            raise ValueError("it needs a momentum above 0 and dampening=0")
        return nesterov


# -- schedules of the learning rate


class Constant(Part):
    """The learning rate itself, after a warm-up.

    A warm-up is linear in every schedule: step i of its ``warmup`` steps has i / ``warmup`` times
    the rate (Vaswani et al. 2017), so that the last of them has the whole.
    """

    name = "constant"
    warmup: NonNegativeInt = 0


class Linear(Part):
    """Linear decay to ``final`` times the learning rate at the last step."""

    name = "linear"
    warmup: NonNegativeInt = 0
    final: Annotated[float, Field(ge=0, le=1)] = 0.0


class Cosine(Part):
    """Half a cosine to ``final`` times the rate at the last step (Loshchilov and Hutter 2017)."""

    name = "cosine"
    warmup: NonNegativeInt = 0
    final: Annotated[float, Field(ge=0, le=1)] = 0.0


class Step(Part):
    """Multiplication by ``factor`` after every ``every`` steps, down to ``final`` times the rate.

    Steps are counted from the end of the warm-up; ``every`` is a third of them if unset.
    """

    name = "step"
    warmup: NonNegativeInt = 0
    every: PositiveInt | None = None
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    final: Annotated[float, Field(ge=0, le=1)] = 0.0


class Plateau(Part):
    """Multiplication by ``factor`` after ``patience`` validations in a row without a better score.

    The rate does not fall below ``final`` times its value; validations before the end of the
    warm-up do not count.
    """

    name = "plateau"
    warmup: NonNegativeInt = 0
    patience: PositiveInt = 3
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    final: Annotated[float, Field(ge=0, le=1)] = 0.0


# -- initial weights of embedding and decoder; biases of all but ``torch`` start at 0


class TorchInit(Part):
    """The default of torch: N(0, 1) of an embedding, U(-1/sqrt(O), 1/sqrt(O)) of a decoder."""

    name = "torch"


class NormalInit(Part):
    """Normal with standard deviation ``std``."""

    name = "normal"
    std: Positive = 0.02


class UniformInit(Part):
    """Uniform in ``(-bound, bound)``."""

    name = "uniform"
    bound: Positive = 0.1


class XavierInit(Part):
    """Uniform by fan-in and fan-out (Glorot and Bengio 2010)."""

    name = "xavier"
    gain: Positive = 1.0


class OrthogonalInit(Part):
    """Orthogonal rows or columns (Saxe et al. 2014)."""

    name = "orthogonal"
    gain: Positive = 1.0


class ZerosInit(Part):
    """Zeros; of a decoder alone, since an embedding of zeros would make all symbols equal."""

    name = "zeros"


# -- blocks: the parts of the network around a core


class Plain(Part):
    """Encoder, core, decoder."""

    name = "plain"


class Residual(Part):
    """Pre-norm residual block around a core, ``depth`` times.

    ``x + dropout(core(norm(x)))``, and with ``mlp`` > 0 then ``x + dropout(MLP(norm(x)))`` with a
    gated MLP that is ``mlp`` times as wide; a last norm before the decoder.
    """

    name = "residual"
    depth: Annotated[int, Field(ge=1, le=128)] = 1
    mlp: Annotated[float, Field(ge=0, le=16)] = 0.0
    norm: Literal["rms", "layer", "none"] = "rms"
    dropout: Share = 0.0


def _by_name(*classes: type[P]) -> dict[str, type[P]]:
    return {each.name: each for each in classes}


OPTIMIZERS: Mapping[str, type[Part]] = _by_name(
    Adam, AdamW, NAdam, RAdam, Adamax, Adagrad, Adadelta, RMSprop, SGD
)
SCHEDULES: Mapping[str, type[Part]] = _by_name(Constant, Linear, Cosine, Step, Plateau)
EMBEDDING_INITS: Mapping[str, type[Part]] = _by_name(
    TorchInit, NormalInit, UniformInit, XavierInit, OrthogonalInit
)
DECODER_INITS: Mapping[str, type[Part]] = {**EMBEDDING_INITS, **_by_name(ZerosInit)}
BLOCKS: Mapping[str, type[Part]] = _by_name(Plain, Residual)


def parse_part(text: str, known: Mapping[str, type[Part]]) -> Part:
    """Return the part that a text such as ``sgd[momentum=0.9,nesterov=true]`` describes.

    Raises:
        UsageError: an unknown name or option, or a value of the wrong type or range.
    """
    selectors = parse_selectors([text])
    name = selectors[0].pattern
    if len(selectors) > 1:
        raise UsageError(f"{text!r} names {len(selectors)}; give one: {name!r}.")
    if name not in known:
        raise UsageError(f"{name!r} is not one of {', '.join(known)}.{did_you_mean(name, known)}")
    return _with_options(known[name], dict(selectors[0].options))


def _with_options(part: type[P], options: Mapping[str, tuple[str, ...]]) -> P:
    known = part.model_fields
    for option, values in options.items():
        if option not in known:
            takes = f"It takes: {', '.join(sorted(known))}." if known else "It takes no options."
            hint = did_you_mean(option, known)
            raise UsageError(f"{part.name!r} has no option {option!r}.{hint} {takes}")
        if len(values) > 1:
            raise UsageError(
                f"{option}={','.join(values)} of {part.name!r} has {len(values)} values; give one."
            )
    given = {
        option: _read(values[0], optional=type(None) in get_args(known[option].annotation))
        for option, values in options.items()
    }
    try:
        return part.model_validate_strings(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = str(first["loc"][0])
        reason = first["msg"].removeprefix("Value error, ").replace("Input should", "it should", 1)
        raise UsageError(f"{option}={options[option][0]} of {part.name!r}: {reason}.") from None


def _read(text: str, *, optional: bool) -> Any:
    """Return ``2000`` for ``2e3``, which pydantic refuses for an integer, and ``None`` for none."""
    if optional and text.lower() in ("none", "null"):
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else text


def optimizer_of(text: str) -> Part:
    """Return the optimizer of :attr:`Settings.optimizer <rnnbench.records.settings.Settings>`."""
    return parse_part(text, OPTIMIZERS)


def schedule_of(text: str) -> Part:
    """Return the schedule of a setting."""
    return parse_part(text, SCHEDULES)


def block_of(text: str) -> Part:
    """Return the block of a setting."""
    return parse_part(text, BLOCKS)


def _canonical(known: Mapping[str, type[Part]]) -> Callable[[str], str]:
    def canonical(text: str) -> str:
        try:
            return parse_part(text, known).label
        except UsageError as error:
            raise PydanticCustomError("part", "{reason}", {"reason": str(error)}) from None

    return canonical


def _schema(known: Mapping[str, type[Part]]) -> WithJsonSchema:
    names = "|".join(known)
    return WithJsonSchema({"type": "string", "pattern": rf"^\s*({names})\s*(\[.*\])?\s*$"})


# Texts in canonical spelling, of which a setting holds one.
OptimizerText: TypeAlias = Annotated[
    str, AfterValidator(_canonical(OPTIMIZERS)), _schema(OPTIMIZERS)
]
ScheduleText: TypeAlias = Annotated[str, AfterValidator(_canonical(SCHEDULES)), _schema(SCHEDULES)]
EmbeddingInitText: TypeAlias = Annotated[
    str, AfterValidator(_canonical(EMBEDDING_INITS)), _schema(EMBEDDING_INITS)
]
DecoderInitText: TypeAlias = Annotated[
    str, AfterValidator(_canonical(DECODER_INITS)), _schema(DECODER_INITS)
]
BlockText: TypeAlias = Annotated[str, AfterValidator(_canonical(BLOCKS)), _schema(BLOCKS)]
