"""Blocks that several methods share. They know nothing of the harness."""
