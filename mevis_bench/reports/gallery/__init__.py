"""HTML gallery of a run's samples, in one folder that opens from disk."""

from mevis_bench.reports.gallery.build import GallerySummary, build_gallery

__all__ = ["GallerySummary", "build_gallery"]
