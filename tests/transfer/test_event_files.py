"""A file of events is taken in whole and unchanged, or not at all."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from app.operations.transfer.event_lines import BadEventFile
from app.operations.transfer.event_terminal import check_events_of, export_events_to
from tests.support.transfer import (
    EVERYTHING,
    dialogues,
    event_rows,
    given_histories,
    import_from,
)


def without_last_line(content: bytes) -> bytes:
    return content[: content.rstrip(b"\n").rindex(b"\n") + 1]


def with_another_word(content: bytes) -> bytes:
    return content.replace(b"At eight.", b"At seven.")


def without_a_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:4], *lines[5:]])


def of_a_newer_format(content: bytes) -> bytes:
    return content.replace(b'"format_version":1', b'"format_version":2')


def with_a_newer_topic(content: bytes) -> bytes:
    return content.replace(b"response_completed.v1", b"response_completed.v9")


def with_a_foreign_state(content: bytes) -> bytes:
    return content.replace(b'"conversation_started.v1"', b'"conversation_ended.v1"')


def with_an_unreadable_state(content: bytes) -> bytes:
    return content.replace(b'\\"data\\"', b'\\"date\\"')


def with_a_nul(content: bytes) -> bytes:
    return content.replace(b"At eight.", b"At \\\\u0000.")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda content: content[: len(content) // 2], "breaks off"),
        (without_last_line, "was cut off"),
        (with_another_word, "checksum"),
        (without_a_line, "counts"),
        (lambda content: content + content, "follows after"),
        (lambda content: b"".join(content.splitlines(keepends=True)[1:]), "Line 1"),
        (of_a_newer_format, "newer release"),
        (with_a_newer_topic, "--allow-unknown"),
        (with_a_foreign_state, "the state is not that of an event"),
        (with_an_unreadable_state, "the state is not that of an event"),
        (with_a_nul, "NUL character"),
        (lambda content: b"", "was cut off"),
        (lambda content: b"\x1f\x8b" + content[:50], "compressed file"),
        (lambda content: b'{"dialogue_id": 1}\n', "Line 1"),
        (lambda content: b"\xff\xfe\n", "Line 1"),
    ],
)
def test_a_file_that_is_not_whole_and_unchanged_adds_nothing(
    database: str, other_database: str, file: Path, damage: Callable[[bytes], bytes], expected: str
) -> None:
    given_histories(database, dialogues(3))
    export_events_to(file, database, EVERYTHING)
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(BadEventFile, match=expected):
        check_events_of(file, allow_unknown=False)
    with pytest.raises(BadEventFile, match=expected):
        import_from(file, other_database)

    assert event_rows(other_database) == []


def test_a_file_can_be_checked_alone(database: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given_histories(database, dialogues(3))
    export_events_to(file, database, EVERYTHING)

    check_events_of(file, allow_unknown=False)

    assert "is whole and unchanged: 30 events" in capsys.readouterr().err


def test_a_failed_export_leaves_the_file_of_before(database: str, file: Path) -> None:
    file.write_text("what was there before")

    with pytest.raises(psycopg.ProgrammingError):
        export_events_to(file, f"{database} nonsense", EVERYTHING)

    assert file.read_text() == "what was there before"
    assert list(file.parent.iterdir()) == [file]
