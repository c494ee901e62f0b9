"""The precision in which a network computes: what its device is built for, unless another is asked for."""

from __future__ import annotations

import torch

AUTO = "auto"
PRECISIONS = (AUTO, "float32", "bfloat16", "float16")
_BUILT_FOR_BFLOAT16 = ("avx512_bf16", "amx_bf16")


def chosen(wanted: str, device: torch.device) -> torch.dtype:
    """The type of the products; 'auto': float16 on CUDA, bfloat16 on a CPU that multiplies it, else float32.

    ValueError for a name that is none, and for float16 on a CPU, which has no products of it.
    """
    if wanted not in PRECISIONS:
        raise ValueError(f"precision is one of {', '.join(PRECISIONS)}, not {wanted!r}")
    if wanted == "float16" and device.type != "cuda":
        raise ValueError(f"float16 needs a GPU; the device is {device}")
    if wanted != AUTO:
        found: torch.dtype = getattr(torch, wanted)
        return found
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if device.type == "cpu" and multiplies_bfloat16() else torch.float32


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products of bfloat16; others emulate them, and slowly."""
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in _BUILT_FOR_BFLOAT16)
