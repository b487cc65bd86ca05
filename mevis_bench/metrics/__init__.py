"""Scores, each a pure function of a prediction and a truth."""
