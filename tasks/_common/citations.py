"""References that several tasks cite."""

from __future__ import annotations

from rnnbench import Citation

WITTEN_AND_BELL = Citation(
    "Witten and Bell 1991",
    "The Zero-Frequency Problem: Estimating the Probabilities of Novel Events in Adaptive Text Compression",
    "IEEE Transactions on Information Theory 37",
    "https://doi.org/10.1109/18.87000",
)
WILLIAMS_AND_PENG = Citation(
    "Williams and Peng 1990",
    "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network Trajectories",
    "Neural Computation 2",
    "https://doi.org/10.1162/neco.1990.2.4.490",
)
HOCHREITER_AND_SCHMIDHUBER = Citation(
    "Hochreiter and Schmidhuber 1997", "Long Short-Term Memory", "Neural Computation 9(8)",
    "https://doi.org/10.1162/neco.1997.9.8.1735",
)  # fmt: skip
ARJOVSKY = Citation(
    "Arjovsky et al. 2016",
    "Unitary Evolution Recurrent Neural Networks",
    "ICML",
    "https://arxiv.org/abs/1511.06464",
)
