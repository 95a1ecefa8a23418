"""Published results on data sets of the UCR and UEA archives."""

from __future__ import annotations

from rnnbench import Citation, Published

_DAU = Citation(
    "Dau et al. 2019",
    "The UCR Time Series Archive",
    "IEEE/CAA Journal of Automatica Sinica 6",
    "https://arxiv.org/abs/1810.07758",
)
_FAWAZ = Citation(
    "Ismail Fawaz et al. 2019",
    "Deep learning for time series classification: a review",
    "Data Mining and Knowledge Discovery",
    "https://doi.org/10.1007/s10618-019-00619-1",
)
_GUN_POINT = {
    "train": "f842401779fd9800d247d8b33121a1a4643710a19b24917dbdd9a060ca8630d5",
    "test": "79332750788a6227b325b96bd0d70130c8eb707b9731f8d7dec62b7a7d36017e",
}
"""GunPoint_TRAIN.ts and GunPoint_TEST.ts as aeon ships them."""
_JAPANESE_VOWELS = {
    "train": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    "test": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
}
"""JapaneseVowels_TRAIN.ts and JapaneseVowels_TEST.ts as aeon ships them."""
_HELD_OUT = "a trial learns from 80 % of the training series and validates on the rest"


def _review(data: dict[str, str], values: dict[str, float]) -> tuple[Published, ...]:
    """Return results of the review; values in per cent to one decimal."""
    return tuple(
        Published(
            model=model,
            value=value / 100,
            citation=_FAWAZ,
            where="README of hfawaz/dl-4-tsc",
            data=data,
            rounding=0.0005,
            printed=f"{value} %",
            runs="mean of 10 runs",
            differences=(_HELD_OUT, "the source is of another architecture than any model here"),
        )
        for model, value in values.items()
    )


SERIES_CLASSIFICATION = (
    Published(
        model="1-nearest neighbour",
        value=1 - 0.0867,
        citation=_DAU,
        where="DataSummary.csv of the archive, GunPoint, ED (w=0)",
        data=_GUN_POINT,
        rounding=5e-5,
        printed="error 0.0867",
        runs="deterministic",
        chosen_on_test=False,
        differences=("here the neighbours are 80 % of the training series, in the source all",),
    ),
    *_review(
        _GUN_POINT,
        {"MLP": 92.7, "FCN": 100.0, "ResNet": 99.1, "Encoder": 93.6, "TWIESN (echo state)": 96.1},
    ),
    *_review(
        _JAPANESE_VOWELS,
        {"MLP": 97.6, "FCN": 99.3, "ResNet": 99.2, "Encoder": 97.6, "TWIESN (echo state)": 96.5},
    ),
)
