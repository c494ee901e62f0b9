"""What a figure was measured on, in words."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def hardware(device: str) -> dict[str, str]:
    """CPU, cores this program may use, PyTorch, and the device of the parser."""
    from torch import __version__, get_num_threads

    return {
        "processor": processor(Path("/proc/cpuinfo")),
        "cores": f"{cores()}, {get_num_threads()} threads",
        "torch": str(__version__),
        "device": _device(device),
    }


def processor(cpuinfo: Path) -> str:
    """The CPU's own name where Linux tells it, otherwise the architecture."""
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def cores() -> int:
    """Cores: those that this program may use, which a container or taskset may have made fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _device(name: str) -> str:
    """'cuda' with the card's name; anything else as it is."""
    if name.startswith("cuda"):
        from torch.cuda import get_device_name

        return f"{name} ({get_device_name(name)})"
    return name
