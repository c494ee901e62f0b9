"""Addresses of brokers, and what their failures are to callers."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import exceptions as redis_errors

from service.delivery import connections
from service.delivery.addresses import Address, read
from service.delivery.broker import translated
from service.errors import QueueOutOfMemory, QueueUnavailable
from service.settings import Settings


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://broker", Address("single", (("broker", 6379),))),
        ("redis://", Address("single", (("localhost", 6379),))),
        ("rediss://:s%40fe@[::1]:7000/2", Address("single", (("::1", 7000),), True, password="s@fe", db=2)),
        ("redis://broker?db=3", Address("single", (("broker", 6379),), db=3)),
        ("unix:///run/redis.sock?db=1", Address("socket", path="/run/redis.sock", db=1)),
        ("unix://u:p@/r.sock", Address("socket", path="/r.sock", user="u", password="p")),
        (
            "redis+sentinel://u:p@a:1,b/mymaster/4?sentinel_password=q",
            Address(
                "sentinel",
                (("a", 1), ("b", 26379)),
                user="u",
                password="p",
                db=4,
                master="mymaster",
                sentinel_password="q",
            ),
        ),
        ("rediss+cluster://u@a,b:7001", Address("cluster", (("a", 6379), ("b", 7001)), True, user="u")),
    ],
)
def test_an_address_is_read(url: str, address: Address) -> None:
    assert read(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "broker:6379",
        "http://broker",
        "redis+other://broker",
        "redis://a,b",
        "redis://broker:0",
        "redis://broker:70000",
        "redis://broker/one",
        "redis://broker/1/2",
        "redis://bro ker",
        "redis://[::1",
        "unix://",
        "redis+sentinel://a:1",
        "redis+cluster://a:1/1",
        "rediss://broker?ssl_cert_reqs=none",
        "rediss://broker?ssl_check_hostname=false",
        "redis+cluster://a?db=0",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        read(url)


@given(user=st.text(min_size=1), password=st.text(min_size=1), db=st.integers(0, 9999))
def test_users_and_passwords_of_any_signs_come_through(user: str, password: str, db: int) -> None:
    url = f"redis://{quote(user, safe='')}:{quote(password, safe='')}@broker/{db}"
    address = read(url)
    assert (address.user, address.password, address.db) == (user, password, db)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for prefix in ("", "redis://", "rediss+sentinel://", "redis+cluster://h,", "unix://", "redis://h?"):
        try:
            address = read(prefix + text)
        except ValueError:
            continue
        assert all(0 < port < 65_536 for _, port in address.hosts)


def test_a_refusal_tells_no_password() -> None:
    for url in ("redis://u:secret@a,b", "redis://u:secret@a:0", "rediss://u:secret@a?x=1", "x://u:secret@a"):
        with pytest.raises(ValueError) as refused:
            read(url)
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"redis_url": "redis://broker", "redis_ca_file": __file__},
        {"redis_url": "rediss://broker", "redis_ca_file": "/nowhere/ca.pem"},
    ],
)
def test_certificates_that_would_not_be_used_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="certificate"):
        connections.connect(Settings.model_validate(changes), "{t}")


def test_a_certificate_is_checked_whatever_the_settings(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    for url in ("rediss://a", "rediss+sentinel://a/m", "rediss+cluster://a"):
        settings = Settings(redis_url=url, redis_ca_file=tmp_path / "ca.pem")
        client, _ = connections.connect(settings, "{t}")
        made = client.connection_pool.make_connection()
        assert (made.cert_reqs.name, made.check_hostname) == ("CERT_REQUIRED", True)


@pytest.mark.parametrize(
    "failure",
    [
        redis_errors.ConnectionError("refused"),
        redis_errors.TimeoutError(),
        redis_errors.BusyLoadingError("LOADING Redis is loading the dataset in memory"),
        redis_errors.ReadOnlyError("READONLY You can't write against a read only replica."),
        redis_errors.MovedError("7 127.0.0.1:7000"),
        redis_errors.ClusterDownError("CLUSTERDOWN The cluster is down"),
        redis_errors.AuthenticationError("WRONGPASS"),
        redis_errors.ResponseError("UNBLOCKED force unblock from blocking operation"),
        redis_errors.ResponseError("MISCONF Redis is configured to save RDB snapshots"),
        redis_errors.ResponseError("NOREPLICAS Not enough good replicas to write."),
    ],
)
def test_a_server_that_cannot_serve_now_is_a_queue_that_is_away(failure: Exception) -> None:
    with pytest.raises(QueueUnavailable) as told, translated():
        raise failure
    assert told.value.retry_after


def test_a_full_server_is_told_as_such_and_a_fault_of_ours_as_itself() -> None:
    with pytest.raises(QueueOutOfMemory), translated():
        raise redis_errors.OutOfMemoryError("OOM command not allowed")
    with pytest.raises(redis_errors.ResponseError, match="WRONGTYPE"), translated():
        raise redis_errors.ResponseError("WRONGTYPE Operation against a key")
