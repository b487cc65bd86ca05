"""Reference material outside the repository; tests that need it skip, with the reason, where it is missing."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MEVIS_BENCH_SHARED", ROOT.parent / "shared"))
PARITY = Path(os.environ.get("MEVIS_BENCH_PARITY", SHARED / "parity"))

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no reference material at {SHARED}")
needs_parity = pytest.mark.skipif(not PARITY.is_dir(), reason=f"no parity vectors at {PARITY} (MEVIS_BENCH_PARITY)")
