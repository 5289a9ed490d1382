"""Probatum keeps clinical knowledge current, and proves it before anyone relies on it."""

__version__ = "0.1.0"
