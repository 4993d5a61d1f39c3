"""Finds a neural network and the accelerator that runs it, together."""

__version__ = "0.1.0"
