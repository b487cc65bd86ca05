"""MTTR: frames and words through one transformer."""
