"""What the C library does with memory that is freed: a network wants the same again for the next picture."""

from __future__ import annotations

import ctypes
import os
import platform

# Of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_KEPT = 512 * 1024 * 1024  # bytes that may stay free in the process
_LARGEST = 1024 * 1024 * 1024  # bytes from which on a block is the system's own, and goes back to it


def keep_freed() -> bool:
    """Keep what is freed, in one arena for all threads; its pages need not be faulted in for each picture.

    False where the environment says how malloc behaves, and where the C library is not glibc.
    """
    told = any(name == "GLIBC_TUNABLES" or name.startswith("MALLOC_") for name in os.environ)
    if told or platform.libc_ver()[0] != "glibc":
        return False
    wanted = ((_ARENA_MAX, 1), (_TRIM_THRESHOLD, _KEPT), (_MMAP_THRESHOLD, _LARGEST))
    return all(ctypes.CDLL(None).mallopt(name, value) == 1 for name, value in wanted)
