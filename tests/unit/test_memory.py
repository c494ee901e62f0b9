"""Freed memory stays with a worker, unless its operator says otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# 64 MiB blocks, freed and asked for again: mapped anew each time by default, which costs 16,384 faults.
PROGRAM = """
import resource, sys
from service.worker.memory import keep_freed
import numpy as np
kept = keep_freed()
for turn in range(4):
    if turn == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(64 << 20, np.uint8)[::4096] = 1
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(**environment: str) -> tuple[bool, int]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=clean | environment
    )
    kept, faults = done.stdout.split()
    return kept == "True", int(faults)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_a_block_that_was_freed_costs_no_page_fault_when_it_is_wanted_again() -> None:
    kept, faults = run()
    assert kept
    assert faults < 1_000


def test_what_the_operator_set_stands() -> None:
    kept, _ = run(MALLOC_ARENA_MAX="4")
    assert not kept
