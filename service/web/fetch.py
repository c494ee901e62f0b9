"""A picture by its URL: fetched with every hop checked, its size and its time bounded."""

from __future__ import annotations

import asyncio

import httpx

from service.errors import (
    TooManyRedirects,
    UrlInvalid,
    UrlNotFound,
    UrlTimeout,
    UrlTooLarge,
    UrlUnreachable,
)
from service.settings import Settings
from service.web.outbound import Outbound

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Fetcher:
    """Fetches pictures, a bounded number of them at once."""

    def __init__(self, settings: Settings, outbound: Outbound | None = None) -> None:
        self._settings = settings
        self._outbound = outbound or Outbound(settings)
        self._slots = asyncio.Semaphore(settings.url_concurrency)

    async def fetch(self, url: str) -> bytes:
        """The bytes at `url`, after at most `url_max_redirects` redirects.

        Errors: UrlInvalid, UrlRefused, UrlUnreachable, UrlTimeout, UrlTooLarge, UrlNotFound,
        TooManyRedirects.
        """
        limit = self._settings.url_timeout_seconds
        try:
            async with asyncio.timeout(limit), self._slots:
                return await self._follow(url)
        except TimeoutError as error:
            raise UrlTimeout(f"The picture did not come within {limit:g} seconds.") from error

    async def _follow(self, url: str) -> bytes:
        for _ in range(self._settings.url_max_redirects + 1):
            target = await self._outbound.check(url)
            async with self._outbound.send(target, headers={"Accept": "image/*"}) as response:
                if response.status_code not in _REDIRECTS:
                    return await self._body(response)
                # Joined to the URL that was asked: the response knows the address alone.
                url = _joined(target.url, response.headers.get("location", ""))
        raise TooManyRedirects(f"The limit is {self._settings.url_max_redirects}.")

    async def _body(self, response: httpx.Response) -> bytes:
        if response.status_code != 200:
            status = response.status_code
            raise UrlNotFound(f"The URL's host answered {status}.", upstream_status=status)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            # Unpacking could make any size of it, and pictures are packed already.
            raise UrlUnreachable("The URL's host sent a compressed body, which was not asked for.")
        limit = self._settings.max_image_bytes
        too_large = UrlTooLarge(f"The limit is {limit} bytes.", limit=limit)
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            raise too_large
        data = bytearray()
        async for piece in response.aiter_raw():
            data += piece
            if len(data) > limit:
                raise too_large
        return bytes(data)


def _joined(base: httpx.URL, location: str) -> str:
    if not location:
        raise UrlNotFound("The URL's host sent a redirect to nowhere.")
    try:
        return str(base.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlInvalid("The URL's host sent a redirect to what is no URL.") from error
