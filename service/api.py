"""The HTTP API as an ASGI application; it holds no model and never imports torch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from service import errors
from service.delivery.jobs import Jobs
from service.delivery.once import Once
from service.settings import Settings
from service.telemetry import traces
from service.web import batch as routes_batch
from service.web import events as routes_events
from service.web import jobs as routes_jobs
from service.web import page as routes_page
from service.web import parse as routes_parse
from service.web import status as routes_status
from service.web.callbacks import Deliverer
from service.web.doors import Doors, Leaving
from service.web.fetch import Fetcher
from service.web.lingering import Lingering
from service.web.middleware import BodyLimit, Surround, problem
from service.web.openapi import document, manual, operations

_DESCRIPTION = (
    "A photo and free-text prompts in; persons, body parts and garments out. "
    "Errors are RFC 9457 problem documents with a stable `code`."
)


def create(settings: Settings | None = None, jobs: Jobs | None = None) -> FastAPI:
    """The application; without arguments, settings and queue come from the environment.

    A queue that is handed in stays open when the application stops. ValueError without a Redis address.
    """
    settings = settings if settings is not None else Settings()
    queue = jobs if jobs is not None else Jobs.connect(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        delivering = asyncio.create_task(app.state.deliverer.run(stop), name="callbacks")
        yield
        stop.set()
        await delivering
        if jobs is None:
            await queue.close()

    app = FastAPI(
        title="Spectrum",
        version=routes_status.release(),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=traces.http(),
    )
    app.state.settings, app.state.jobs = settings, queue
    app.state.draining = False
    app.state.once = Once(queue, settings)
    app.state.streams = routes_events.Streams(settings.event_streams)
    app.state.fetcher = Fetcher(settings)
    app.state.deliverer = Deliverer(queue, settings)
    app.state.doors = Doors(settings, queue.broker)
    app.include_router(routes_parse.router)
    app.include_router(routes_batch.router)
    app.include_router(routes_jobs.router)
    app.include_router(routes_events.router)
    app.include_router(routes_status.router)
    app.include_router(routes_page.router)
    app.include_router(manual.router)
    document.describe(app, settings)
    app.add_exception_handler(errors.SpectrumError, _told)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    # Event streams and PNG go out as they are.
    app.add_middleware(GZipMiddleware, minimum_size=1_024, compresslevel=4)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.add_middleware(Leaving, doors=app.state.doors)
    app.add_middleware(Surround)
    # Added last, so it is the outermost.
    app.add_middleware(Lingering, limit=settings.max_body_bytes, seconds=settings.linger_seconds)
    return app


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.SpectrumError)
    return problem(error, request.url.path)


async def _http(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no route, no such method, a form that is none."""
    assert isinstance(error, HTTPException)
    kinds = {404: errors.NotFound, 405: errors.MethodNotAllowed, 400: errors.MalformedBody}
    kind = kinds.get(error.status_code, errors.InternalError)
    answer = problem(kind(error.detail if kind is errors.MalformedBody else None), request.url.path)
    answer.headers.update(error.headers or {})
    if kind is errors.MethodNotAllowed and (known := operations.methods(request.url.path)):
        answer.headers["Allow"] = ", ".join(known)  # the framework knows of one route's methods alone
    return answer


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [".".join(map(str, fault["loc"])) for fault in error.errors()]
    return problem(errors.InvalidField(f"Not valid: {', '.join(fields)}."), request.url.path)
