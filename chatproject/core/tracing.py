"""Traces by OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT names a collector: what took how long, and within what.

Spans say kinds, numbers and routes' patterns, and nothing that somebody wrote or is called. Without a collector nothing
of it is imported, and a span is one comparison.
"""

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings

log = logging.getLogger(__name__)

_NOTHING: AbstractContextManager[Any] = nullcontext()
#: OpenTelemetry's tracer and its `get_current_span`.
_tracer: Any = None
_current: Any = None


def start() -> None:
    """Send spans from now on, from a thread of the SDK's. A process calls it once, before it serves."""
    global _tracer, _current
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or _tracer is not None:
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT: without the packages of requirements-otel.txt nothing is traced.")
        return
    # The SDK itself reads the other variables of its standard, such as those of headers and of the sampler.
    provider = TracerProvider(resource=Resource.create({"service.name": settings.OTEL_SERVICE_NAME}))
    endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    _tracer, _current = provider.get_tracer("chat"), trace.get_current_span


def is_on() -> bool:
    return _tracer is not None


def span(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """What happens within it is one span, and what it calls is below that."""
    return _NOTHING if _tracer is None else _begun(name, attributes)


def span_within(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """A span where there is one around it; else it would be a trace of its own, of which there are very many."""
    if _tracer is None or not _current().is_recording():
        return _NOTHING
    return _begun(name, attributes)


def _begun(name: str, attributes: dict[str, str | int]) -> AbstractContextManager[Any]:
    # Not with exceptions: their texts may have somebody's.
    begun: AbstractContextManager[Any] = _tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    )
    return begun


def describe(name: str = "", **attributes: str | int) -> None:
    """Give the span around this another name, and say more of it."""
    if _tracer is not None:
        around = _current()
        if name:
            around.update_name(name)
        around.set_attributes(attributes)
