"""Published results on sequential MNIST, read pixel by pixel."""

from __future__ import annotations

from rnnbench import Citation, Published

from .._common.citations import BAI

_CORNN = Citation(
    "Rusch & Mishra 2021",
    "Coupled Oscillatory Recurrent Neural Network (coRNN): An accurate and (gradient) stable "
    "architecture for learning long time dependencies",
    "ICLR",
    "https://arxiv.org/abs/2010.00951",
)
_LEM = Citation(
    "Rusch et al. 2022",
    "Long Expressive Memory for Sequence Modeling",
    "ICLR",
    "https://arxiv.org/abs/2110.04744",
)
_MNIST = {
    "images": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "labels": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "test_images": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "test_labels": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""The gzipped IDX files, by option."""
_HELD_OUT = "a trial trains on 80 % of the training images; the source states no such share"
_ORDER = "the source's permutation of the pixels is another one"
_PERCENT = 100


def _rows(
    citation: Citation,
    where: str,
    permuted: bool,
    values: dict[str, tuple[float, float]],
    parameters: int | None = None,
) -> tuple[Published, ...]:
    """Return results on one order of the pixels; values in per cent, with their rounding."""
    return tuple(
        Published(
            model=model,
            value=value / _PERCENT,
            citation=citation,
            where=where,
            options={"source": "mnist", "permuted": permuted},
            data=_MNIST,
            rounding=rounding / _PERCENT,
            printed=f"{value} %",
            parameters=parameters,
            differences=(_HELD_OUT, *((_ORDER,) if permuted else ())),
        )
        for model, (value, rounding) in values.items()
    )


SEQUENTIAL_DIGITS = (
    *_rows(
        BAI,
        "table 1",
        False,
        {"lstm": (87.2, 0.05), "gru": (96.2, 0.05), "rnn": (21.5, 0.05), "tcn": (99.0, 0.05)},
        70_000,
    ),
    *_rows(
        BAI,
        "table 1",
        True,
        {"lstm": (85.7, 0.05), "gru": (87.3, 0.05), "rnn": (25.3, 0.05), "tcn": (97.2, 0.05)},
        70_000,
    ),
    *_rows(_CORNN, "README of tk-rusch/coRNN", False, {"cornn": (99.4, 0.05)}),
    *_rows(_CORNN, "README of tk-rusch/coRNN", True, {"cornn": (97.34, 0.005)}),
    *_rows(_LEM, "README of tk-rusch/LEM", False, {"lem": (99.5, 0.05)}),
    *_rows(_LEM, "README of tk-rusch/LEM", True, {"lem": (96.6, 0.05)}),
)
