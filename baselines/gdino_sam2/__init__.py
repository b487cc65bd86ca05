"""Grounding DINO boxes, followed through the video by SAM 2."""
