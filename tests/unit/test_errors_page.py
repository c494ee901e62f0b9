"""The page of errors says what the code says."""

from __future__ import annotations

import pytest

from service.errors import ERRORS
from service.programs import errors_page


def test_the_page_of_errors_is_that_of_the_code() -> None:
    assert errors_page.PAGE.read_text(encoding="utf-8") == errors_page.page(), (
        "docs/errors.md is old: python -m service.programs.errors_page"
    )


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_is_listed_with_when_and_what_to_do(code: str) -> None:
    (row,) = [line for line in errors_page.page().splitlines() if line.startswith(f"| `{code}` |")]
    assert len([cell for cell in row.split("|") if cell.strip()]) == 4


def test_advice_speaks_of_errors_that_exist() -> None:
    assert set(errors_page._BY_CODE) <= set(ERRORS)
