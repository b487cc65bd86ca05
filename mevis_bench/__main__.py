"""``python -m mevis_bench``."""

import sys

from mevis_bench.cli.app import main

sys.exit(main())
