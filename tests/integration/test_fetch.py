"""Pictures by URL come from the public internet alone, whatever a URL, a name or a redirect tries."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.settings import Settings
from service.web.fetch import Fetcher
from service.web.outbound import Outbound, is_public
from tests.integration.web_server import WebServer, answer, redirect, serving

PICTURE = b"\x89PNG" + bytes(range(200))
PUBLIC = "93.184.215.14"
TLS = Path(__file__).resolve().parents[1] / "data" / "tls"
NAT64 = IPv6Network("64:ff9b::/96")


class Names:
    """A resolver: each name has one list of addresses, or one list for each time that it is asked."""

    def __init__(self, **names: Sequence[str] | list[list[str]]) -> None:
        self.names = {name.replace("_", "."): found for name, found in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.names:
            raise OSError("no such name")
        found = self.names[host]
        if found and isinstance(found[0], list):
            return found[min(self.asked.count(host), len(found)) - 1]
        return [str(address) for address in found]


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    async with serving() as web:
        web.pages["/a.png"] = answer(PICTURE)
        yield web


Make = Callable[..., Fetcher]


@pytest.fixture
def make(web: WebServer) -> Make:
    """A fetcher that may call 127.0.0.1 at the server's port, and no other address of this machine."""

    def make(names: Names | None = None, tls: ssl.SSLContext | None = None, **changes: Any) -> Fetcher:
        values: dict[str, Any] = {
            "url_ports": (80, 443, web.port),
            "url_allow_networks": ("127.0.0.1/32",),
            "url_timeout_seconds": 5,
        }
        settings = Settings.model_validate(values | changes)
        return Fetcher(settings, Outbound(settings, names or Names(), tls))

    return make


# The matrix of refusals

INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001:0:808:808::1",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "5f00::1",
    "100::1",
]
OUTSIDE = [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "64:ff9b::808:808"]
SPELLINGS = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7F.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://134744072/",
    "http://127.0.0.1./",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[fe80::1%25eth0]/",
    "http://[2606:4700:4700::1111%25eth0]/",
    "http://[::127.0.0.1]/",
    "http://%31%32%37.0.0.1/",
]
NO_URLS = [
    "ftp://a.example/x",
    "file:///etc/passwd",
    "gopher://a.example/",
    "data:image/png;base64,AAAA",
    "//a.example/x",
    "a.example/x.png",
    "http://",
    "http:///x",
    "http:a.example",
    "http://0177.0.0.1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://a b.example/",
    "http://a.example\\@127.0.0.1/",
    "http://user:secret@a.example/",
    "http://@a.example/",
    "http://a.example@127.0.0.1/",
    "http://a.exa\tmple/",
    "http://a.example/\r\nHost: b",
    "http://-a.example/",
    "http://a..example/",
    "http://xn--/",
    "http://[v1.a]/",
    "http://[127.0.0.1]/",
    "http://a.example/" + "x" * 3_000,
]


def strict(names: Names | None = None, **changes: Any) -> Fetcher:
    """A fetcher as it is set by default."""
    settings = Settings.model_validate({"url_timeout_seconds": 5, **changes})
    return Fetcher(settings, Outbound(settings, names or Names()))


@pytest.mark.parametrize("address", INSIDE)
async def test_no_address_of_the_inside_is_called_by_number_or_by_name(address: str):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(errors.UrlRefused):
        await strict().fetch(f"http://{host}/")
    with pytest.raises(errors.UrlRefused):
        await strict(Names(a_example=[address])).fetch("https://a.example/latest/meta-data/")


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_public_internet_is_open(address: str):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("url", SPELLINGS)
async def test_an_address_in_another_spelling_is_refused_unresolved(url: str):
    names = Names()
    with pytest.raises(errors.UrlRefused):
        await strict(names).fetch(url)
    assert not names.asked


@pytest.mark.parametrize("url", NO_URLS)
async def test_what_is_no_url_of_a_picture_is_invalid(url: str):
    names = Names(a_example=[PUBLIC])
    with pytest.raises(errors.UrlInvalid):
        await strict(names).fetch(url)
    assert not names.asked


@pytest.mark.parametrize("port", [0, 22, 6379, 8080, 65_535])
async def test_other_ports_are_refused(port: int):
    with pytest.raises((errors.UrlRefused, errors.UrlInvalid)):
        await strict(Names(a_example=[PUBLIC])).fetch(f"http://a.example:{port}/")


async def test_one_address_of_the_inside_among_public_ones_is_enough():
    for found in ([PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC] * 9 + ["::1"]):
        with pytest.raises(errors.UrlRefused):
            await strict(Names(a_example=found)).fetch("http://a.example/")


async def test_the_system_s_resolver_leads_to_the_inside_and_is_refused():
    settings = Settings()
    for host in ("localhost", "LOCALHOST.", "localhost"):
        with pytest.raises(errors.UrlRefused):
            await Fetcher(settings).fetch(f"http://{host}/")


async def test_a_refusal_names_no_address():
    with pytest.raises(errors.UrlRefused) as caught:
        await strict(Names(intranet_example=["10.11.12.13"])).fetch("http://intranet.example/")
    assert "10.11" not in str(caught.value.problem())


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_outside_of_global_unicast_is_never_public(address: IPv6Address):
    if is_public(address) and address not in NAT64:
        assert address.exploded[0] in "23"
        assert address.ipv4_mapped is None and address.sixtofour is None and address.teredo is None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_nat64_is_as_public_as_itself(address: IPv4Address):
    assert is_public(IPv6Address(int(IPv6Address("64:ff9b::")) + int(address))) == is_public(address)


# Names and connections


async def test_a_picture_comes_as_it_is(web: WebServer, make: Make):
    assert await make().fetch(web.url("/a.png")) == PICTURE


async def test_a_name_is_resolved_once_and_the_connection_held_to_that(web: WebServer, make: Make):
    """Rebinding: the name leads elsewhere from the second time on, where nobody must ask."""
    names = Names(rebind_example=[["127.0.0.1"], ["10.0.0.1"]])
    assert await make(names).fetch(web.url("/a.png", host="rebind.example")) == PICTURE
    assert names.asked == ["rebind.example"]


async def test_a_name_that_rebinds_between_redirects_is_refused(web: WebServer, make: Make):
    web.pages["/turn"] = redirect("/a.png")
    names = Names(rebind_example=[["127.0.0.1"], ["10.0.0.1"]])
    with pytest.raises(errors.UrlRefused):
        await make(names).fetch(web.url("/turn", host="rebind.example"))
    assert len(web.asked) == 1


async def test_the_next_address_is_tried_where_one_takes_no_connection(web: WebServer, make: Make):
    names = Names(two_example=["127.0.0.9", "127.0.0.1"])
    fetcher = make(names, url_allow_networks=("127.0.0.0/8",))
    assert await fetcher.fetch(web.url("/a.png", host="two.example")) == PICTURE


async def test_the_host_is_the_name_and_nothing_secret_goes_along(
    web: WebServer, make: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    web.pages["/turn"] = redirect("/a.png").replace(b"location", b"set-cookie: a=1\r\nlocation")
    await make(Names(a_example=["127.0.0.1"])).fetch(web.url("/turn", host="a.example"))
    assert len(web.asked) == 2
    for head in map(str.lower, web.asked):
        assert f"\r\nhost: a.example:{web.port}\r\n" in head
        assert "\r\naccept-encoding: identity\r\n" in head
        assert "cookie" not in head and "authorization" not in head


async def test_a_fragment_is_not_sent_and_a_query_is(web: WebServer, make: Make):
    web.pages["/a.png?size=2"] = answer(PICTURE)
    assert await make().fetch(web.url("/a.png?size=2#secret")) == PICTURE
    assert "secret" not in web.asked[0]


async def test_a_certificate_is_held_against_the_name(make: Make):
    """The server's certificate is for a.example alone, by an authority that only these tests trust."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(TLS / "a.example.pem")
    client = ssl.create_default_context(cafile=TLS / "authority.pem")
    async with serving(tls=server) as web:
        web.pages["/a.png"] = answer(PICTURE)
        names = Names(a_example=["127.0.0.1"], b_example=["127.0.0.1"])
        fetcher = make(names, client, url_ports=(web.port,))
        assert await fetcher.fetch(web.url("/a.png", "a.example", "https")) == PICTURE
        for host in ("b.example", "127.0.0.1"):
            with pytest.raises(errors.UrlUnreachable):
                await fetcher.fetch(web.url("/a.png", host, "https"))
        untrusting = make(names, url_ports=(web.port,))
        with pytest.raises(errors.UrlUnreachable):
            await untrusting.fetch(web.url("/a.png", "a.example", "https"))


# Redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Keep", "308 Keep"])
async def test_a_redirect_is_followed(web: WebServer, make: Make, status: str):
    web.pages["/turn"] = redirect("a.png", status)
    assert await make().fetch(web.url("/turn")) == PICTURE


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://0x7f000001/",
        "//192.168.0.1/x",
        "http://inside.example/",
        "http://127.0.0.1:22/",
    ],
)
async def test_a_redirect_to_the_inside_is_refused(web: WebServer, make: Make, location: str):
    web.pages["/turn"] = redirect(location)
    with pytest.raises(errors.UrlRefused):
        await make(Names(inside_example=["10.0.0.1"])).fetch(web.url("/turn"))


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://a.example/", "http://u:p@127.0.0.1/", "http://[/"]
)
async def test_a_redirect_to_no_picture_is_invalid(web: WebServer, make: Make, location: str):
    web.pages["/turn"] = redirect(location)
    with pytest.raises(errors.UrlInvalid):
        await make().fetch(web.url("/turn"))


async def test_redirects_are_counted(web: WebServer, make: Make):
    web.pages |= {f"/{n}": redirect(f"/{n - 1}") for n in range(1, 6)} | {"/0": answer(PICTURE)}
    assert await make().fetch(web.url("/3")) == PICTURE
    with pytest.raises(errors.TooManyRedirects):
        await make().fetch(web.url("/4"))
    with pytest.raises(errors.TooManyRedirects):
        await make(url_max_redirects=0).fetch(web.url("/1"))


# Bounds


async def test_an_announced_size_over_the_limit_is_not_read(web: WebServer, make: Make):
    web.pages["/big"] = answer(b"", content_length="2000")
    with pytest.raises(errors.UrlTooLarge):
        await make(max_image_bytes=1_000).fetch(web.url("/big"))


async def test_a_body_without_length_is_cut_off_at_the_limit(web: WebServer, make: Make):
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"\0" * 50_000)
            await writer.drain()
            sent += 50_000

    web.pages["/endless"] = endless
    with pytest.raises(errors.UrlTooLarge):
        await make(max_image_bytes=100_000).fetch(web.url("/endless"))
    assert sent < 20_000_000  # what sockets hold, and not more


async def test_the_limit_itself_is_not_too_large(web: WebServer, make: Make):
    assert await make(max_image_bytes=len(PICTURE)).fetch(web.url("/a.png")) == PICTURE
    with pytest.raises(errors.UrlTooLarge):
        await make(max_image_bytes=len(PICTURE) - 1).fetch(web.url("/a.png"))


async def test_a_compressed_body_is_not_unpacked(web: WebServer, make: Make):
    web.pages["/packed"] = answer(PICTURE, content_encoding="gzip")
    with pytest.raises(errors.UrlUnreachable):
        await make().fetch(web.url("/packed"))


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_host_that_keeps_us_waiting_is_left(web: WebServer, make: Make, head: bytes):
    """Also one that sends a byte now and then: the limit holds for the whole."""

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            if head:
                writer.write(b"\0")
            await writer.drain()
            await asyncio.sleep(0.02)

    web.pages["/slow"] = trickle
    with pytest.raises(errors.UrlTimeout):
        await make(url_timeout_seconds=0.2).fetch(web.url("/slow"))


async def test_a_resolver_that_hangs_is_left(make: Make):
    class Hanging(Names):
        async def __call__(self, host: str, port: int) -> Sequence[str]:
            await asyncio.sleep(600)
            return await super().__call__(host, port)

    with pytest.raises(errors.UrlTimeout):
        await make(Hanging(), url_timeout_seconds=0.1).fetch("http://a.example/")


async def test_only_so_many_are_fetched_at_once(web: WebServer, make: Make):
    now, most = 0, 0

    async def busy(writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        writer.write(answer(PICTURE))

    web.pages["/busy"] = busy
    fetcher = make(url_concurrency=2)
    assert await asyncio.gather(*(fetcher.fetch(web.url("/busy")) for _ in range(8))) == [PICTURE] * 8
    assert most == 2


# What is not there


@pytest.mark.parametrize(
    "status", ["404 Not Found", "410 Gone", "403 Forbidden", "500 Oops", "204 No Content"]
)
async def test_another_status_is_told(web: WebServer, make: Make, status: str):
    web.pages["/none"] = answer(b"", status)
    with pytest.raises(errors.UrlNotFound) as caught:
        await make().fetch(web.url("/none"))
    assert caught.value.members == {"upstream_status": int(status[:3])}


async def test_an_unknown_name_is_unreachable(make: Make):
    with pytest.raises(errors.UrlUnreachable):
        await make(Names(empty_example=[])).fetch("http://empty.example/")
    with pytest.raises(errors.UrlUnreachable):
        await make().fetch("http://unknown.example/")


async def test_a_host_that_speaks_no_http_is_unreachable(web: WebServer, make: Make):
    for page in (
        b"SSH-2.0-OpenSSH\r\n",
        b"",
        answer(PICTURE, content_length="9999"),
        b"HTTP/1.1 302 F\r\n\r\n",
    ):
        web.pages["/odd"] = page
        with pytest.raises((errors.UrlUnreachable, errors.UrlNotFound)):
            await make().fetch(web.url("/odd"))


async def test_a_closed_port_is_unreachable(make: Make):
    async with serving() as gone:
        pass
    with pytest.raises(errors.UrlUnreachable):
        await make(url_ports=(gone.port,)).fetch(gone.url())
