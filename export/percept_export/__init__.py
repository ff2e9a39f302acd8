"""Turns Perceivers from elsewhere into Percept model files, and proves that the answers are the same."""

__version__ = "0.1.0"
