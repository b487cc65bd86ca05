"""Formats on disk: run folders, masks, tracks, captions, and import and export."""
