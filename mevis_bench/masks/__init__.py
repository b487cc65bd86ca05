"""Masks as row transitions: the form in which they are scored. Compiled by numba, which is imported when first used."""

from mevis_bench.masks.mask_rows import MaskRows

__all__ = ["MaskRows"]
