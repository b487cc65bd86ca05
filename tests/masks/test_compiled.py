"""Compiled loops work where no folder can keep their machine code."""

import os
import subprocess
import sys

SCRIPT = """
import numpy as np
from mevis_bench.masks import MaskRows
from mevis_bench.masks.tracks import boxes_of
print(boxes_of(MaskRows.from_dense(np.ones((1, 3, 4), bool))).tolist())
"""


def test_a_private_folder_where_there_is_no_other(tmp_path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(nowhere / "cache"), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert done.stdout == "[[0, 0, 4, 3]]\n", done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]  # the private folder is gone with its process
