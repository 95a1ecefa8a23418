"""Sources that several claims cite."""

from rnnbench import Citation

BENGIO_1994 = Citation(
    "Bengio et al. 1994",
    "Learning long-term dependencies with gradient descent is difficult",
    "IEEE Transactions on Neural Networks",
    "https://doi.org/10.1109/72.279181",
)
PASCANU_2013 = Citation(
    "Pascanu et al. 2013",
    "On the difficulty of training recurrent neural networks",
    "ICML",
    "https://arxiv.org/abs/1211.5063",
)
HOCHREITER_1997 = Citation(
    "Hochreiter and Schmidhuber 1997",
    "Long short-term memory",
    "Neural Computation",
    "https://doi.org/10.1162/neco.1997.9.8.1735",
)
JOZEFOWICZ_2015 = Citation(
    "Jozefowicz et al. 2015",
    "An empirical exploration of recurrent network architectures",
    "ICML",
    "https://proceedings.mlr.press/v37/jozefowicz15.html",
)
TALLEC_2018 = Citation(
    "Tallec and Ollivier 2018",
    "Can recurrent neural networks warp time?",
    "ICLR",
    "https://arxiv.org/abs/1804.11188",
)
GREFF_2017 = Citation(
    "Greff et al. 2017",
    "LSTM: a search space odyssey",
    "IEEE Transactions on Neural Networks and Learning Systems",
    "https://arxiv.org/abs/1503.04069",
)
CHO_2014 = Citation(
    "Cho et al. 2014",
    "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    "EMNLP",
    "https://arxiv.org/abs/1406.1078",
)
SCHUSTER_1997 = Citation(
    "Schuster and Paliwal 1997",
    "Bidirectional recurrent neural networks",
    "IEEE Transactions on Signal Processing",
    "https://doi.org/10.1109/78.650093",
)
GERS_2000 = Citation(
    "Gers et al. 2000",
    "Learning to forget: continual prediction with LSTM",
    "Neural Computation",
    "https://doi.org/10.1162/089976600300015015",
)
GERS_PEEPHOLES_2000 = Citation(
    "Gers and Schmidhuber 2000",
    "Recurrent nets that time and count",
    "IJCNN",
    "https://doi.org/10.1109/IJCNN.2000.861302",
)
