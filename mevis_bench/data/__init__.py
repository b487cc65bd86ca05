"""Readers of data sets, and the bundled split."""
