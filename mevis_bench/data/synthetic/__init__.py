"""The world of the mini split: look-alikes told apart by their motion, and sentences about it, made from a seed."""

from mevis_bench.data.synthetic.make import MadeVideo, make_mini, make_video

__all__ = ["MadeVideo", "make_mini", "make_video"]
