"""Addresses of a broker, read and checked: what is written there -> where to connect, and as whom. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Kind = Literal["single", "socket", "sentinel", "cluster"]

FORMS = (
    "redis://[user:password@]host[:port][/db], rediss://... for TLS, unix://[user:password@]/path[?db=N], "
    "redis+sentinel://[user:password@]host[:port],.../master[/db][?sentinel_user=U&sentinel_password=P], "
    "redis+cluster://[user:password@]host[:port],...; rediss+sentinel:// and rediss+cluster:// for TLS"
)
_KINDS: dict[str, Kind] = {"": "single", "sentinel": "sentinel", "cluster": "cluster"}
_PORTS: dict[Kind, int] = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))(?::(?P<port>\d{1,5}))?")
_OPTIONS: dict[Kind, frozenset[str]] = {
    "single": frozenset({"db"}),
    "socket": frozenset({"db"}),
    "sentinel": frozenset({"db", "sentinel_user", "sentinel_password"}),
    "cluster": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is.

    `hosts` are (name, port): of the server itself, of the sentinels, or of some of the cluster's nodes.
    `path` is that of a socket, `master` the name that the sentinels know the master by. The sentinels may
    want another user than the server.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    tls: bool = False
    user: str | None = None
    password: str | None = None
    db: int = 0
    path: str = ""
    master: str = ""
    sentinel_user: str | None = None
    sentinel_password: str | None = None


def read(url: str) -> Address:
    """An address from its URL. ValueError, which names no password, for one that is none."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"not a URL; write {FORMS}") from error
    scheme, _, variant = parts.scheme.partition("+")
    if parts.scheme == "unix":
        return _socket(parts)
    if scheme not in ("redis", "rediss") or variant not in _KINDS:
        raise ValueError(f"the scheme {parts.scheme!r} is none of ours; write {FORMS}")
    kind = _KINDS[variant]
    login, _, hosts = parts.netloc.rpartition("@")
    user, password = _login(login)
    named = tuple(_host(host, _PORTS[kind]) for host in (hosts or "localhost").split(","))
    if kind == "single" and len(named) > 1:
        raise ValueError("more than one host wants redis+sentinel:// or redis+cluster://")
    options = _options(parts, kind)
    words = [unquote(word) for word in parts.path.split("/")[1:] if word]
    master = ""
    if kind == "sentinel":
        if not words:
            raise ValueError("redis+sentinel:// wants the master's name behind the hosts: .../mymaster")
        master = words.pop(0)
    return Address(
        kind,
        named,
        tls=scheme == "rediss",
        user=user,
        password=password,
        db=_database(kind, words, options),
        master=master,
        sentinel_user=options.get("sentinel_user"),
        sentinel_password=options.get("sentinel_password"),
    )


def _socket(parts: SplitResult) -> Address:
    if not parts.path:
        raise ValueError("unix:// wants the path of the socket: unix:///run/redis.sock")
    user, password = _login(parts.netloc.rpartition("@")[0])
    db = _database("socket", [], _options(parts, "socket"))
    return Address("socket", path=unquote(parts.path), user=user, password=password, db=db)


def _login(text: str) -> tuple[str | None, str | None]:
    user, _, password = text.partition(":")
    return unquote(user) or None, unquote(password) or None


def _host(text: str, usual_port: int) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    port = int(found["port"] or usual_port) if found else 0
    if found is None or not 0 < port < 65_536:
        raise ValueError(f"{text!r} is no host with a port")
    return found["six"] or found["name"], port


def _options(parts: SplitResult, kind: Kind) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - _OPTIONS[kind]):
        # Among them what would switch off that a certificate is checked, which no address may.
        raise ValueError(f"the address does not take {', '.join(unknown)}; certificates have settings")
    return options


def _database(kind: Kind, words: list[str], options: dict[str, str]) -> int:
    given = [*words, *([options["db"]] if "db" in options else [])] or ["0"]
    if len(given) > 1 or not re.fullmatch(r"\d{1,4}", given[0]):
        raise ValueError(f"{'/'.join(given)!r} is no number of a database")
    if kind == "cluster" and int(given[0]):
        raise ValueError("a cluster has no databases but 0")
    return int(given[0])
