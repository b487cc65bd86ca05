"""Options of LoSh's variants (``method.yaml``): MTTR's."""

from baselines.mttr.options import Options

__all__ = ["Options"]
