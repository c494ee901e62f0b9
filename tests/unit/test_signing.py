"""Signatures of callbacks: what the specification's own example gives, and nothing else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.cli import main
from service.settings import Settings
from service.signing import SignatureMismatch, secret_for, sign, strong, verify

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = b'{"id":"x","status":"done"}'


def test_a_signature_is_that_of_the_published_test_vector() -> None:
    # From the reference libraries of Standard Webhooks.
    headers = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.text(st.characters(codec="ascii"), min_size=24), st.binary(), st.integers(0, 2**40))
def test_what_was_signed_is_verified(secret: str, extra: bytes, moment: int) -> None:
    secret = secret.removeprefix("whsec_")
    body = b'{"a": "' + base64.b64encode(extra) + b'"}'
    headers = sign(secret, "msg_1", moment, body)
    assert verify(secret, headers, body, now=moment + 200)["a"] == base64.b64encode(extra).decode()


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_headers_count_in_any_case_and_none_may_be_missing(header: str) -> None:
    headers = sign(SECRET, "msg_1", 1_000, BODY)
    verify(SECRET, {name.title(): value for name, value in headers.items()}, BODY, now=1_000)
    with pytest.raises(SignatureMismatch):
        verify(SECRET, {name: value for name, value in headers.items() if name != header}, BODY, now=1_000)


@pytest.mark.parametrize(
    ("change", "body", "now"),
    [
        ({}, BODY + b" ", 1_000),
        ({}, BODY, 1_301),
        ({}, BODY, 699),
        ({"webhook-id": "msg_2"}, BODY, 1_000),
        ({"webhook-timestamp": "1001"}, BODY, 1_000),
        ({"webhook-timestamp": "soon"}, BODY, 1_000),
        ({"webhook-signature": ""}, BODY, 1_000),
        ({"webhook-signature": "v1,AAAA"}, BODY, 1_000),
        ({"webhook-signature": "v1,\u00e4"}, BODY, 1_000),
    ],
)
def test_what_was_changed_or_is_old_is_refused(change: dict[str, str], body: bytes, now: float) -> None:
    with pytest.raises(SignatureMismatch):
        verify(SECRET, sign(SECRET, "msg_1", 1_000, BODY) | change, body, now=now)


def test_one_of_several_signatures_suffices() -> None:
    headers = sign(SECRET, "msg_1", 1_000, BODY)
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']}"
    assert verify(SECRET, headers, BODY, now=1_000)["status"] == "done"


def test_one_key_does_not_sign_for_another() -> None:
    ours, theirs = secret_for(SECRET, "aaaaaaaaaaaa"), secret_for(SECRET, "bbbbbbbbbbbb")
    assert len({SECRET, ours, theirs}) == 3 and strong(ours)
    assert ours == secret_for(SECRET, "aaaaaaaaaaaa")
    with pytest.raises(SignatureMismatch):
        verify(theirs, sign(ours, "msg_1", 1_000, BODY), BODY, now=1_000)


@pytest.mark.parametrize(
    "secret", ["x" * 23, "whsec_" + "A" * 24, "whsec_not base64 at all, though it is long"]
)
def test_a_weak_secret_is_no_setting(secret: str) -> None:
    assert not strong(secret)
    with pytest.raises(ValidationError, match="24 bytes"):
        Settings.model_validate({"webhook_secret": secret})


def test_the_command_tells_a_secret_and_keeps_a_wrong_one_to_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPECTRUM_WEBHOOK_SECRET", SECRET)
    assert main(["webhook-secret", "aaaaaaaaaaaa"]) == 0
    assert capsys.readouterr().out.strip() == secret_for(SECRET, "aaaaaaaaaaaa")
    assert main(["webhook-secret"]) == 0
    assert capsys.readouterr().out.strip() == SECRET
    monkeypatch.setenv("SPECTRUM_WEBHOOK_SECRET", "too-short")
    assert main(["webhook-secret"]) == 2
    assert "too-short" not in capsys.readouterr().err
    monkeypatch.delenv("SPECTRUM_WEBHOOK_SECRET")
    assert main(["webhook-secret"]) == 2
