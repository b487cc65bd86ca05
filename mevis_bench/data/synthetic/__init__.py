"""Generator of the mini data set: similar objects distinguished by motion, and expressions that refer to them."""

from mevis_bench.data.synthetic.make import GeneratedVideo, make_mini, make_video

__all__ = ["GeneratedVideo", "make_mini", "make_video"]
