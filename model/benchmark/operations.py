"""Operations and bytes of a piece of network, counted while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from model.benchmark.ceilings import Ceilings


def _attention_on_cpu(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))


# PyTorch's table of formulas knows the attention kernels of GPUs alone.
FORMULAS: dict[Any, Callable[..., Any]] = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_on_cpu,
    **flop_registry,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One matrix product, convolution or attention: `flop` (2 for a multiply-add) and the bytes it must move.

    bytes: inputs, weights and output once each.
    """

    name: str
    flop: int
    bytes: int


@dataclass(slots=True)
class Work:
    """Everything counted of one stage."""

    operations: list[Operation] = field(default_factory=list)

    @property
    def flop(self) -> int:
        """Operations; a multiply-add is two."""
        return sum(one.flop for one in self.operations)

    @property
    def bytes(self) -> int:
        """Bytes in and out of the counted operations."""
        return sum(one.bytes for one in self.operations)

    def floor(self, ceilings: Ceilings) -> float:
        """Least milliseconds: each operation at the device's rate of arithmetic or of memory, the slower.

        What lies between the operations (norms, activations, sums) is taken as free, as if all of it were
        fused into them.
        """
        arithmetic, memory = ceilings.flop_per_second, ceilings.bytes_per_second
        return 1000 * sum(max(one.flop / arithmetic, one.bytes / memory) for one in self.operations)


class Counter(TorchDispatchMode):
    """Counts by PyTorch's own formulas (those of `FlopCounterMode`), into the stage that is open.

    Deformable sampling, norms, activations and resizing have no formula and count as nothing.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stages: dict[str, Work] = {}
        self._open: list[str] = [""]

    @contextmanager
    def watch(self, stage: str) -> Iterator[None]:
        """What runs inside counts for `stage`, and not for the one around it."""
        self._open.append(stage)
        try:
            yield
        finally:
            self._open.pop()

    @property
    def whole(self) -> Work:
        """All stages together."""
        return Work([one for work in self.stages.values() for one in work.operations])

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation of PyTorch; compound ones are taken apart first."""
        kwargs = kwargs or {}
        packet = func._overloadpacket
        if packet not in FORMULAS and func is not torch.ops.prim.device.default:
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        out = func(*args, **kwargs)
        if packet in FORMULAS:
            flop = int(FORMULAS[packet](*args, **kwargs, out_val=out))
            work = self.stages.setdefault(self._open[-1], Work())
            work.operations.append(Operation(str(packet), flop, _bytes((args, kwargs, out))))
        return out


def _bytes(values: Any) -> int:
    return sum(v.numel() * v.element_size() for v in tree_leaves(values) if isinstance(v, Tensor))


def count(run: Callable[[], Any]) -> Work:
    """What `run` computes."""
    counter = Counter()
    with torch.inference_mode(), counter:
        run()
    return counter.whole
