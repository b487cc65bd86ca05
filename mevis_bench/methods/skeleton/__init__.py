"""Skeleton: what this method is, in a line."""
