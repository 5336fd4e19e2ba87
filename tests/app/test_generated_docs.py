"""The generated pages are what the code would write now."""

from pathlib import Path

import pytest

from app.console.checkout import checkout_root
from app.console.docs import pages


@pytest.mark.parametrize("path", pages(), ids=str)
def test_page_is_what_the_code_writes(path: Path) -> None:
    written = (checkout_root() / path).read_text(encoding="utf-8")

    assert written == pages()[path], "out of date: run ./run docs"
