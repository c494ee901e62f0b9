"""Calls to addresses that a caller named: which may be called at all, and how they are held to that.

An address is checked after its name was resolved, and the connection goes to what was checked: a name that
resolves anew to something else (DNS rebinding) changes nothing. Threats and forms of addresses: OWASP's
'Server-Side Request Forgery Prevention'; IANA's special-purpose address registries.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from service.errors import UrlInvalid, UrlRefused, UrlTimeout, UrlUnreachable
from service.settings import Settings

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_URL_LENGTH = 2_048
_MAX_ADDRESSES = 4  # of a name, tried one after the other
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# A name that ends in a number is an IPv4 address in one spelling or another (WHATWG URL, 'ends in a number').
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
# Public by Python's tables of some version, and yet no place for pictures: protocol assignments, 6to4
# relays, Azure's platform.
_CLOSED_V4 = [IPv4Network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")]
_OPEN_V6 = IPv6Network("2000::/3")  # all that is handed out as global unicast
# Protocol assignments with Teredo, documentation, 6to4.
_CLOSED_V6 = [IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL, with the addresses that its host stood for when it was checked."""

    url: httpx.URL
    addresses: tuple[str, ...]


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name, by the system's resolver; OSError where there is none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outbound:
    """Calls out, without cookies, credentials, proxies of the environment, or redirects followed."""

    def __init__(
        self, settings: Settings, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._resolve = resolve
        self._tls = tls

    async def check(self, text: str) -> Target:
        """The URL with its addresses, all of which may be called.

        Errors: UrlInvalid, UrlRefused, UrlUnreachable (the name does not resolve).
        """
        url = self._parsed(text)
        host = url.raw_host.decode("ascii").removesuffix(".")
        try:
            found = await self._addresses(host, _port(url))
        except (OSError, UnicodeError) as error:
            raise UrlUnreachable("The URL's host cannot be found.") from error
        if not found:
            raise UrlUnreachable("The URL's host cannot be found.")
        if not all(self._allowed(address) for address in found):
            raise UrlRefused("The URL does not lead to a public address.")
        return Target(url.copy_with(host=host), tuple(map(str, found[:_MAX_ADDRESSES])))

    @asynccontextmanager
    async def send(
        self,
        target: Target,
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """The answer's status and headers, its body still to be streamed.

        Name and certificate are checked against the URL's host, the connection goes to the address.
        Errors: UrlUnreachable, UrlTimeout; within the block, httpx's errors of reading come as those too.
        """
        if self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=False)
        # A client for one call: connections shared between names, or cookies, could mix two hosts up.
        async with httpx.AsyncClient(
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=self._settings.url_timeout_seconds,
            headers={"User-Agent": "spectrum", "Accept-Encoding": "identity", "Connection": "close"},
        ) as client:
            try:
                response = await _connected(client, target, method, headers or {}, content)
                try:
                    yield response
                finally:
                    await response.aclose()
            except httpx.TimeoutException as error:
                raise UrlTimeout("The URL's host did not answer in time.") from error
            except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
                raise UrlUnreachable("The URL's host did not answer as it should.") from error

    def _parsed(self, text: str) -> httpx.URL:
        """The one reading of the URL; what is sent is built from it again, so no second one can differ."""
        if len(text) > MAX_URL_LENGTH:
            raise UrlInvalid(f"The URL has {len(text)} characters; the limit is {MAX_URL_LENGTH}.")
        if re.search(r"[\s\\\x00-\x1f\x7f]", text):
            raise UrlInvalid("The URL holds a sign that no URL holds.")
        try:
            url = httpx.URL(text)
            host = url.host  # decodes the name
        except (httpx.InvalidURL, ValueError) as error:
            raise UrlInvalid("This is no URL.") from error
        if url.scheme not in self._settings.url_schemes:
            raise UrlInvalid(f"The URL must begin with {' or '.join(self._settings.url_schemes)}.")
        if not host:
            raise UrlInvalid("The URL names no host.")
        if url.userinfo or "@" in text.partition("://")[2].partition("/")[0]:
            raise UrlInvalid("The URL must hold no user and no password.")
        if _port(url) not in self._settings.url_ports:
            raise UrlRefused("The URL's port is not one that this service calls.")
        return url

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """The addresses that a host stands for: itself, or all that its name resolves to."""
        if ":" in host or _NUMBER.fullmatch(host):
            return [_literal(host)]
        if not _NAME.fullmatch(host):
            raise UrlInvalid("The URL's host is no name.")
        # A zone id belongs to link-local addresses alone, which are refused.
        return [ip_address(text.partition("%")[0]) for text in await self._resolve(host, port)]

    def _allowed(self, address: Address) -> bool:
        networks = self._settings.url_allow_networks
        return is_public(address) or any(address in net for net in networks if net.version == address.version)


def _port(url: httpx.URL) -> int:
    return _DEFAULT_PORTS[url.scheme] if url.port is None else url.port


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet; IPv6 forms that carry IPv4 are none, but NAT64."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:  # how a network without IPv4 reaches it
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        return address in _OPEN_V6 and address.is_global and not any(address in net for net in _CLOSED_V6)
    closed = address.is_multicast or address.is_reserved or any(address in net for net in _CLOSED_V4)
    return address.is_global and not closed


def _literal(host: str) -> Address:
    """An address in its one plain spelling; decimal, hexadecimal, octal and short ones are refused."""
    try:
        address = ip_address(host)
    except ValueError as error:
        raise UrlRefused("The URL's host is an address in an unusual spelling.") from error
    if "%" in host:
        raise UrlRefused("The URL's host is an address with a zone.")
    return address


async def _connected(
    client: httpx.AsyncClient, target: Target, method: str, headers: Mapping[str, str], content: bytes | None
) -> httpx.Response:
    """The answer of the first address that takes the connection."""
    url = target.url
    for number, address in enumerate(target.addresses, start=1):
        request = client.build_request(
            method,
            url.copy_with(host=address, fragment=None),
            headers={**headers, "Host": url.netloc.decode("ascii")},
            content=content,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        try:
            return await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(target.addresses):
                raise
    raise httpx.ConnectError("the host has no address")
