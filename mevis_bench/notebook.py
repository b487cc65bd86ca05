"""Former name of :mod:`mevis_bench.api`; it will be removed in the next release."""

import warnings

from mevis_bench.api import *  # noqa: F403

warnings.warn("mevis_bench.notebook is now mevis_bench.api", DeprecationWarning, stacklevel=2)
