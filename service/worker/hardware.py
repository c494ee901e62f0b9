"""What a worker computes on, for `/info` and for the GPU's gauges."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from service import metrics


def hardware(device: str) -> dict[str, Any]:
    """{"hardware": name of the GPU or CPU, "memory_bytes" (GPU only), "cpus", "threads", "torch"}."""
    import torch

    told: dict[str, Any] = {"torch": str(torch.__version__), "threads": torch.get_num_threads()}
    told["cpus"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(torch.device(device))
        return {"hardware": properties.name, "memory_bytes": properties.total_memory, **told}
    return {"hardware": cpu_name(), **told}


def cpu_name(listing: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, or at least its kind."""
    try:
        lines = listing.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def watch_gpu() -> None:
    """Let the GPU's gauges read the device whenever they are scraped."""
    import torch

    if not torch.cuda.is_available():
        return
    metrics.GPU_MEMORY.set_function(torch.cuda.memory_reserved)
    try:
        torch.cuda.utilization()
    except (ImportError, RuntimeError):  # NVML's bindings are an extra, and not every machine has NVML
        return
    metrics.GPU_UTILISATION.set_function(lambda: torch.cuda.utilization() / 100)
