"""The network, its batches, its training and its evaluation."""
