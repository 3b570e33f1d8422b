"""Train imbalanced, multi-label chest X-ray classifiers whose experiments can be believed."""

__version__ = "0.1.0"
