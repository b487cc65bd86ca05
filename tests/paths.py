"""Reference material outside the repository; tests marked ``shared``, ``parity`` or ``golden`` skip without it."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MEVIS_BENCH_SHARED", ROOT.parent / "shared"))
PARITY = Path(os.environ.get("MEVIS_BENCH_PARITY", SHARED / "parity"))
GOLDEN = Path(os.environ.get("MEVIS_BENCH_GOLDEN", SHARED / "golden"))
