"""Going on from a snapshot comes to what beginning at the beginning does; and who changes the fold has to say so."""

import ast
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Final
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import defstruct

from adapters.codec.events import READABLE_TOPICS
from adapters.codec.snapshots import FINGERPRINT, decode, encode, fingerprint_of
from app.ws.protocol import SNAPSHOT_MESSAGES
from domain.conversation import conversation, evolution
from domain.conversation.evolution import fold
from domain.conversation.transitions import TRANSITIONS
from domain.ports import RecordedEvent
from projections import applying, compaction, history, messages, snapshots
from projections.history import message_rows
from projections.snapshots import FOLD_VERSION, RECENT_MESSAGES, History, Snapshot, advanced, beginning
from tests.support.decider import TENANT_ID
from tests.support.histories import happenings
from tests.support.recording import recorded_log

FOLDED_BY: Final = (conversation, evolution, messages, applying, compaction, history, snapshots)
"""The code that makes a snapshot of events, beside the table of transitions."""

DIGEST: Final = "fde6458e58a25969"
"""Of that code, with `FOLD_VERSION` as it is."""

FEW: Final = 3
"""So many messages are kept in these snapshots, that older ones do fall out."""

logs = happenings(max_conversations=1, max_commands=60).map(recorded_log)


def snapshot_at(log: list[RecordedEvent], version: int) -> Snapshot:
    """After the first `version` events, taken out of storage."""
    snapshot = advanced(beginning(TENANT_ID, log[0].conversation_id), log[:version])
    assert snapshot.version == version
    return decode(encode(snapshot))


@given(log=logs, data=st.data())
def test_from_any_snapshot_a_history_comes_to_what_it_comes_to_from_its_beginning(
    log: list[RecordedEvent], data: st.DataObject
) -> None:
    version = data.draw(st.integers(0, len(log)))
    until = data.draw(st.integers(version, len(log)))
    empty = beginning(TENANT_ID, log[0].conversation_id)

    with patch.object(snapshots, "RECENT_MESSAGES", FEW):
        base = snapshot_at(log, version)
        read = History(base, log[version:until])

        assert read.conversation() == fold(empty.conversation, log[:until])
        assert list(read.messages())[-FEW:] == list(message_rows(log[:until]))[-FEW:]
        assert advanced(base, log[version:until]) == advanced(empty, log[:until])
        assert (read.head, read.position) == (until, log[until - 1].position if until else 0)


@given(log=logs, data=st.data())
def test_a_snapshot_knows_the_latest_time_of_its_events_though_clocks_jump(
    log: list[RecordedEvent], data: st.DataObject
) -> None:
    middle = data.draw(st.integers(1, len(log)))

    snapshot = advanced(snapshot_at(log, middle), log[middle:])

    assert snapshot.latest_at == max(recorded.origin.occurred_at for recorded in log)


def test_as_many_messages_are_kept_as_a_client_is_shown() -> None:
    assert RECENT_MESSAGES >= SNAPSHOT_MESSAGES


def test_another_fold_or_another_shape_has_another_mark() -> None:
    other_shape = defstruct("Snapshot", [("conversation", dict), ("position", int, 0)])

    assert fingerprint_of(FOLD_VERSION, Snapshot) == FINGERPRINT
    assert fingerprint_of(FOLD_VERSION + 1, Snapshot) != FINGERPRINT
    assert fingerprint_of(FOLD_VERSION, other_shape) != FINGERPRINT


def test_code_that_cannot_read_an_event_takes_no_snapshot_of_code_that_can() -> None:
    newer = READABLE_TOPICS | {"mind_read.v1"}
    assert fingerprint_of(FOLD_VERSION, Snapshot, newer) != FINGERPRINT


def test_who_changes_the_fold_thinks_of_the_snapshots() -> None:
    if digest_of(FOLDED_BY) != DIGEST:
        pytest.fail(
            "The code that folds events into snapshots was changed. If it may now make anything else of the events "
            "that are stored, raise FOLD_VERSION in projections/snapshots.py, and snapshots of before are ignored. "
            f"In any case let DIGEST in this file be {digest_of(FOLDED_BY)!r}."
        )


def digest_of(modules: Iterable[ModuleType]) -> str:
    """Of what the code does: comments, docstrings and layout do not count."""
    digest = blake2b(digest_size=8)
    for module in modules:
        assert module.__file__ is not None
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for docstring in docstrings(tree):
            docstring.value = ast.Constant("")
        digest.update(ast.unparse(tree).encode())
    for event_type, transition in TRANSITIONS.items():
        digest.update(f"{event_type.__name__} {transition.target}".encode())
    return digest.hexdigest()


def docstrings(tree: ast.Module) -> Iterator[ast.Expr]:
    """Texts that stand for themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node
