"""Boxes of tracks, made masks by SAM 2."""
