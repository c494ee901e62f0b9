"""What the libraries under PyTorch are told: how many threads there are, how many compiled products to keep.

PyTorch starts a thread for each core it sees. In a container that may use two of sixty-four, these threads
are stopped for most of each period, and a picture takes many times as long as with two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
PRIMITIVES = 4096
"""Products that oneDNN keeps compiled. `mini` has some 150 for each size and number of pictures that share a
pass; its own 1,024 are soon over, and then it compiles anew for picture after picture."""


def quota(root: Path = ROOT, own: Path = OWN) -> float | None:
    """CPUs that this process's cgroup may use, the tightest of it and all above; None without a limit.

    Version 2: `cpu.max`, '<microseconds> <period>' or 'max'. Version 1: `cpu.cfs_quota_us`, -1 for none.
    """
    limits = [limit for place in _places(root, own) for limit in (_second(place), _first(place)) if limit]
    return min(limits, default=None)


def threads(cores: int, limit: float | None) -> int:
    """Threads for so many cores under a limit: whole CPUs of it, one at least."""
    return cores if limit is None else max(1, min(cores, int(limit)))


def fitting(cores: int, environ: Mapping[str, str] = os.environ, root: Path = ROOT, own: Path = OWN) -> int:
    """Threads for this process; what OMP_NUM_THREADS says has been heard already and stands."""
    return cores if environ.get("OMP_NUM_THREADS") else threads(cores, quota(root, own))


def keep_primitives(environ: MutableMapping[str, str] = os.environ) -> None:
    """Have oneDNN keep `PRIMITIVES`, unless the environment says how many; before its first product.

    https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html
    """
    environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(PRIMITIVES))


def _places(root: Path, own: Path) -> list[Path]:
    """The folders of our cgroup and of those above it, as far as they can be seen from here."""
    try:
        lines = own.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    found = [root, root / "cpu", root / "cpu,cpuacct"]
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root / controllers if controllers else root
        parts = [part for part in path.split("/") if part not in ("", "..")]
        found += [base.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
    return list(dict.fromkeys(found))


def _second(place: Path) -> float | None:
    told = _numbers(place / "cpu.max")
    return told[0] / told[1] if len(told) == 2 and told[1] > 0 else None


def _first(place: Path) -> float | None:
    used, period = _numbers(place / "cpu.cfs_quota_us"), _numbers(place / "cpu.cfs_period_us")
    return used[0] / period[0] if used and period and used[0] > 0 and period[0] > 0 else None


def _numbers(path: Path) -> list[float]:
    """The numbers of a file; none where it is not there or says 'max'."""
    try:
        return [float(word) for word in path.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return []
