"""Blocks that several methods share, independent of the harness but for its records."""
