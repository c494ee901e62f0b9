"""The playground: a page of a few static files, and the sample photos of a source tree."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from fastapi import APIRouter, Request
from PIL import Image
from starlette.responses import JSONResponse, Response

from service import errors

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "playground"
# An installed wheel has no tests and so no samples: the page offers none then.
_PHOTOS = Path(__file__).resolve().parents[2] / "tests" / "data" / "photos"
_SAMPLES = {
    "0405": "A woman in a white dress with a handbag",
    "0307": "A man in a dark jacket with a brown bag",
    "0547": "A woman in a striped green sweater",
}
_THUMBNAIL = (192, 288)  # pixels at most: twice what is shown
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}
_HEADERS = {
    # Everything comes from here; previews of photos are blobs. Nothing inline, no strings made to code.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Kept, but asked for again each time, which a 304 answers: a new version is there at once.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    data: bytes
    media_type: str
    etag: str


def _asset(data: bytes, suffix: str) -> Asset:
    return Asset(data, _TYPES[suffix], f'"{hashlib.sha256(data).hexdigest()[:24]}"')


@cache
def assets() -> dict[str, Asset]:
    """The page's files by name."""
    return {path.name: _asset(path.read_bytes(), path.suffix) for path in sorted(_FOLDER.iterdir())}


@cache
def _photo(name: str) -> Asset:
    return _asset((_PHOTOS / f"{name}.jpg").read_bytes(), ".jpg")


@cache
def _thumbnail(name: str) -> Asset:
    small = BytesIO()
    with Image.open(_PHOTOS / f"{name}.jpg") as photo:
        photo.thumbnail(_THUMBNAIL)
        photo.save(small, "JPEG", quality=75, optimize=True)
    return _asset(small.getvalue(), ".jpg")


def _send(asset: Asset, request: Request) -> Response:
    headers = _HEADERS | {"ETag": asset.etag}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.data, media_type=asset.media_type, headers=headers)


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """A page to try the service by hand."""
    return _send(assets()["index.html"], request)


@router.get("/playground/samples")
async def samples() -> Response:
    """The sample photos that are here, as the page reads them; addresses are relative to the page."""
    told = [
        {
            "name": name,
            "title": title,
            "photo": f"playground/samples/{name}.jpg",
            "thumbnail": f"playground/samples/{name}-small.jpg",
        }
        for name, title in _SAMPLES.items()
        if (_PHOTOS / f"{name}.jpg").is_file()
    ]
    return JSONResponse(told, headers=_HEADERS)


@router.get("/playground/samples/{file}")
def sample(file: str, request: Request) -> Response:
    """A sample photo, `NAME.jpg`, or its thumbnail, `NAME-small.jpg`."""
    name = file.removesuffix(".jpg").removesuffix("-small")
    if name not in _SAMPLES or file not in (f"{name}.jpg", f"{name}-small.jpg"):
        raise errors.NotFound()
    if not (_PHOTOS / f"{name}.jpg").is_file():
        raise errors.NotFound()
    return _send(_photo(name) if file == f"{name}.jpg" else _thumbnail(name), request)


@router.api_route("/playground/{name}", methods=["GET", "HEAD"])
async def asset(name: str, request: Request) -> Response:
    """One of the page's files."""
    if name not in assets():
        raise errors.NotFound()
    return _send(assets()[name], request)
