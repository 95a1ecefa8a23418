"""Citations that several tasks share."""

from __future__ import annotations

from rnnbench import Citation

WITTEN_AND_BELL = Citation(
    "Witten and Bell 1991",
    "The Zero-Frequency Problem: "
    "Estimating the Probabilities of Novel Events in Adaptive Text Compression",
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
    "Hochreiter and Schmidhuber 1997",
    "Long Short-Term Memory",
    "Neural Computation 9(8)",
    "https://doi.org/10.1162/neco.1997.9.8.1735",
)
ARJOVSKY = Citation(
    "Arjovsky et al. 2016",
    "Unitary Evolution Recurrent Neural Networks",
    "ICML",
    "https://arxiv.org/abs/1511.06464",
)
LE = Citation(
    "Le et al. 2015",
    "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
    "arXiv:1504.00941",
    "https://arxiv.org/abs/1504.00941",
)
YULE = Citation(
    "Yule 1927",
    "On a Method of Investigating Periodicities in Disturbed Series, "
    "with Special Reference to Wolfer's Sunspot Numbers",
    "Philosophical Transactions of the Royal Society A 226",
    "https://doi.org/10.1098/rsta.1927.0007",
)
BAI = Citation(
    "Bai et al. 2018",
    "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
    "arXiv:1803.01271",
    "https://arxiv.org/abs/1803.01271",
)
