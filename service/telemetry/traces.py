"""Traces: one tree from a request through the queue to the device, as OpenTelemetry spans.

The HTTP span is FastAPI's own; a job carries its context (`traceparent`) to the worker, which hangs its
stages on it. Without `otlp_endpoint` all of this costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.settings import Settings

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

_W3C = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("spectrum")  # stands in for the real one until that is configured
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class TracingUnavailable(ValueError):
    """Traces are asked for, and the packages that send them are not installed."""


def configure(settings: Settings, role: Literal["api", "worker"]) -> None:
    """Send spans to `otlp_endpoint`, if there is one; what is unsent goes at the process's exit.

    `OTEL_*` variables are heeded: headers, sampler, attributes of the resource. Raises TracingUnavailable.
    """
    if settings.otlp_endpoint is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingUnavailable("traces need the extra: pip install 'spectrum-parsing[otel]'") from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"spectrum-{role}"}))
    address = settings.otlp_endpoint.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    trace.set_tracer_provider(provider)


def http() -> TelemetryConfig:
    """What FastAPI is to trace of requests: one span each, probes left out, no metrics of its own."""
    return {"metrics": False, "logs": False, "operation_spans": False, "exclude": _is_probe}


def carried(given: str | None) -> str | None:
    """The trace context for a job: of the current span, else what the caller gave; None without either."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent", given)


def stage(
    name: str, request: Mapping[str, Any], seconds: float, *, ago: float = 0.0, **attributes: int | str
) -> None:
    """Hang a stage that took `seconds` and was over `ago` seconds ago on the trace of a job's request.

    A request that carries none gets no spans: they would be a trace each.
    """
    parent = _parent(request)
    if parent is None:
        return
    end = time.time_ns() - round(1e9 * ago)
    start = end - round(1e9 * max(0.0, seconds))
    kind = SpanKind.CONSUMER if name == "queue" else SpanKind.INTERNAL
    span = _TRACER.start_span(name, parent, kind, attributes, start_time=start)
    span.end(end)


def _parent(request: Mapping[str, Any]) -> Context | None:
    context = request.get("traceparent")
    return _W3C.extract({"traceparent": context}) if context else None


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in _PROBES
