"""Traces by configuration: a span a request and a span a WebSocket message, sent to an OpenTelemetry collector."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from data.configuration import ConfigurationError

SERVICE = "tapebook"


class Tracing(Protocol):
    """Makes spans."""

    def span(self, name: str, headers: Mapping[str, str], **said: Any) -> Any:
        """A context; what it gives takes `set(name, value)`. `headers`: of the request, which may continue a trace (traceparent)."""

    def close(self) -> None:
        """Send what waits."""


class Span(Protocol):
    """What happens within a request."""

    def set(self, name: str, value: Any) -> None:
        """Say something of it."""


class _Silent:
    def set(self, name: str, value: Any) -> None:
        """Nobody listens."""


class NoTraces:
    """Where no traces are configured."""

    _nothing = _Silent()

    @contextmanager
    def span(self, name: str, headers: Mapping[str, str], **said: Any) -> Iterator[Span]:
        """Nothing."""
        yield self._nothing

    def close(self) -> None:
        """Nothing waits."""


class _Told:
    def __init__(self, span: Any) -> None:
        self._span = span

    def set(self, name: str, value: Any) -> None:
        """An attribute of the span."""
        self._span.set_attribute(name, value)


class Traces:
    """Spans to a collector at `endpoint` (OTLP over HTTP), of which `ratio` are kept; tokens, bodies and query strings never go into one.

    `exporter`: another one than the collector's. Raises ConfigurationError where the libraries are not installed.
    """

    def __init__(self, session: str, endpoint: str, ratio: float = 1.0, exporter: Any = None) -> None:
        try:
            from opentelemetry.propagate import extract
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
            from opentelemetry.trace import SpanKind

            if exporter is None:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

                exporter = OTLPSpanExporter(endpoint=endpoint)
        except ModuleNotFoundError as odd:
            mend = "install the extra traces: uv sync --extra traces, or leave gateway.traces out"
            raise ConfigurationError([f"gateway.traces needs {odd.name}, which is not installed; {mend}"]) from None
        resource = Resource.create({"service.name": SERVICE, "service.instance.id": session})
        self._provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(ratio)))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE)
        self._extract, self._server = extract, SpanKind.SERVER

    @contextmanager
    def span(self, name: str, headers: Mapping[str, str], **said: Any) -> Iterator[Span]:
        """A span of the server's side."""
        known = self._extract({"traceparent": headers["traceparent"]} if "traceparent" in headers else {})
        with self._tracer.start_as_current_span(name, context=known, kind=self._server, attributes=said) as span:
            yield _Told(span)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()
