"""Readers of data sets, and the embedded split."""
