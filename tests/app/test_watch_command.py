"""What `turnlog watch` and `turnlog replay` refuse before they ask any service."""

import pytest
from click.testing import CliRunner

from app.cli import main


@pytest.mark.parametrize("command", ["watch", "replay"])
@pytest.mark.parametrize(
    "url", ["localhost:8000", "ws://127.0.0.1:8000", "http://", "http://[", "http://h:99999", "http://h?a=b", ""]
)
def test_an_address_that_cannot_be_one_is_refused(command: str, url: str) -> None:
    answer = CliRunner().invoke(main, [command, "--url", url])

    assert answer.exit_code == 2
    assert "is not an address such as http://127.0.0.1:8000" in answer.output


@pytest.mark.parametrize("option", ["--user", "--state", "--type"])
def test_filters_are_for_all_conversations(option: str) -> None:
    answer = CliRunner().invoke(main, ["watch", "0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00", option, "x"])

    assert answer.exit_code == 2
    assert "leave CONVERSATION out" in answer.output
