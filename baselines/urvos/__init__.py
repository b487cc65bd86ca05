"""URVOS: unified referring video object segmentation, from its paper."""
