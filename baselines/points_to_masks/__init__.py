"""Answers in points, made masks by SAM 2."""
