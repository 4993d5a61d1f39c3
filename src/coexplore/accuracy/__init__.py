"""How good is a network? Data sets, training, early stopping, and the evaluators that use them."""
