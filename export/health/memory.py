"""How a training on a CPU keeps its memory."""

import os
import sys

KEPT = {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}


def keep_freed() -> None:
    """Starts the program again such that freed blocks are kept: a fresh mapping a tensor costs a third of the time."""
    if sys.platform == "linux" and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        os.environ |= KEPT
        os.execv(sys.executable, [sys.executable, *sys.argv])
