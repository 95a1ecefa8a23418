"""Citations that several architectures share."""

from __future__ import annotations

from rnnbench import Citation

LSTM = Citation(
    "Hochreiter & Schmidhuber 1997",
    "Long short-term memory",
    "Neural Computation 9(8)",
    "https://doi.org/10.1162/neco.1997.9.8.1735",
)
FORGET_GATE = Citation(
    "Gers et al. 2000",
    "Learning to forget: continual prediction with LSTM",
    "Neural Computation 12(10)",
    "https://doi.org/10.1162/089976600300015015",
)
NEGATIVE_EIGENVALUES = Citation(
    "Grazzi et al. 2025",
    "Unlocking state-tracking in linear RNNs through negative eigenvalues",
    "ICLR",
    "https://arxiv.org/abs/2411.12537",
)
