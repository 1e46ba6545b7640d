"""/metrics, /healthz and /readyz."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from livecommerce.gateway.http.bodies import reply_raw

Statistics = Callable[[], Mapping[str, float]]
"""Gives numbers by name. One whose name ends in `_total` only grows."""
Check = Callable[[], Awaitable[bool]]


class Metrics:
    """The process's metrics. `sources` are read when a scrape comes and cost nothing before."""

    def __init__(self, sources: Mapping[str, Statistics]) -> None:
        self.registry = CollectorRegistry()
        self._sources = dict(sources)
        self._settled: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self.registry.register(self)
        self.commands = Counter(
            "livecommerce_commands",
            "Commands answered, by verb and outcome code",
            ["verb", "code"],
            registry=self.registry,
        )
        self.command_seconds = Histogram(
            "livecommerce_command_seconds",
            "From decoded command to reply",
            ["verb"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=self.registry,
        )
        self.requests = Counter(
            "livecommerce_http_requests",
            "HTTP answers, by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )

    def add(self, part: str, statistics: Statistics) -> None:
        """Another source of numbers, named `livecommerce_<part>_<number>`."""
        self._sources[part] = statistics

    def collect(self) -> Iterator[Metric]:
        """Called by the registry: every number the parts tell about themselves."""
        for part, statistics in self._sources.items():
            for name, value in statistics().items():
                kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                yield kind(f"livecommerce_{part}_{name}", f"{part}: {name}", value=value)

    def settled(self, verb: str, code: str, started_s: float) -> None:
        """Counts a command that was answered."""
        counters = self._settled.get((verb, code))
        if counters is None:
            # Looked up once: `labels` costs more than what it finds. There are as many pairs as
            # the protocol has verbs and codes.
            counters = self.commands.labels(verb, code), self.command_seconds.labels(verb)
            self._settled[verb, code] = counters
        count, seconds = counters
        count.inc()
        seconds.observe(time.perf_counter() - started_s)


def count_requests(metrics: Metrics) -> Middleware:
    """Makes the middleware that counts HTTP answers by route, never by path."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        status = 500
        try:
            answer = await handler(request)
            status = answer.status
            return answer
        finally:
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "unmatched"
            # Anybody may send any method; a label of its own for each would fill the memory.
            method = request.method if request.method in hdrs.METH_ALL else "other"
            metrics.requests.labels(method, route, status).inc()

    return counted


def routes(
    metrics: Metrics, checks: Mapping[str, Check], *, unmeasured: int | None = None
) -> list[web.RouteDef]:
    """Makes the routes operators and load balancers ask.

    Args:
        unmeasured: a port on which there is no /metrics: strangers reach it.
    """

    async def scraped(request: web.Request) -> web.Response:
        transport = request.transport
        if transport is None or transport.get_extra_info("sockname")[1] == unmeasured:
            raise web.HTTPNotFound
        return web.Response(
            body=generate_latest(metrics.registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def alive(request: web.Request) -> web.Response:
        return reply_raw({"ok": True})

    async def ready(request: web.Request) -> web.Response:
        results = {name: await check() for name, check in checks.items()}
        ok = all(results.values())
        return reply_raw({"ok": ok, "checks": results}, status=200 if ok else 503)

    return [
        web.get("/metrics", scraped),
        web.get("/healthz", alive),
        web.get("/readyz", ready),
    ]
