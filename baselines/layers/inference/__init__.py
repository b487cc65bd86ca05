"""Inference loops that several methods share: clips, windows, tracks, captions."""
