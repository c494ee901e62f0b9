"""The environment, checked once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SPECTRUM_{name.upper()}", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


def test_everything_has_a_default_and_a_description() -> None:
    assert Settings().redis_url is None
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPECTRUM_QUEUE_DEPTH", "7")
    monkeypatch.setenv("SPECTRUM_THREADS", "")
    monkeypatch.setenv("REDIS_URL", "redis://broker:6379/2")
    settings = Settings()
    assert (settings.queue_depth, settings.threads) == (7, None)
    assert settings.redis_url == "redis://broker:6379/2"


def test_what_is_given_by_name_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://broker")
    assert Settings(redis_url="redis://other").redis_url == "redis://other"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("QUEUE_DEPTH", "0"),
        ("LEASE_SECONDS", "-1"),
        ("LEASE_SECONDS", "inf"),
        ("MAX_PIXELS", "many"),
        ("KEY_PREFIX", "a{b}"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SPECTRUM_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_a_checkpoint_stands_in_for_the_preset() -> None:
    assert Settings(preset="mini").checkpoint_path.parts[-3:] == ("model", "weights", "mini")
    assert Settings(checkpoint=Path("/elsewhere")).checkpoint_path == Path("/elsewhere")
