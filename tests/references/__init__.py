"""Slow, obvious versions of the metrics, written from their definitions: what the fast ones are tested against."""
