"""Networks, batches, training and evaluation."""
