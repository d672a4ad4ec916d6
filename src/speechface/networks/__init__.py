"""Networks from speech features to blendshape weights, their losses and their training."""
