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


@pytest.mark.parametrize("speed", ["0", "0.09", "1001", "nan", "fast", ""])
def test_a_speed_that_no_replay_has_is_refused(speed: str) -> None:
    answer = CliRunner().invoke(main, ["watch", "0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00", "--replay", speed])

    assert answer.exit_code == 2
    assert "neither max nor a number from 0.1 to 1000" in answer.output


@pytest.mark.parametrize(
    ("arguments", "reason"), [(["--replay", "1"], "give its id"), (["x", "--until", "3"], "are of a replay")]
)
def test_a_replay_is_of_one_conversation_and_has_a_speed(arguments: list[str], reason: str) -> None:
    answer = CliRunner().invoke(main, ["watch", *arguments])

    assert answer.exit_code == 2
    assert reason in answer.output


@pytest.mark.parametrize("option", ["--user", "--state", "--type"])
def test_filters_are_for_all_conversations(option: str) -> None:
    answer = CliRunner().invoke(main, ["watch", "0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00", option, "x"])

    assert answer.exit_code == 2
    assert "leave CONVERSATION out" in answer.output
