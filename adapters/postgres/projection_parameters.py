"""The changes of a page as the arrays that the statements of the projection store bind.

Each list of columns stands in the order of the placeholders of the statement it is named after.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, Final

from msgspec import UNSET, Struct

from adapters.postgres import row_columns
from adapters.postgres.arrays import json_array, plain_array, text_array, time_array
from adapters.postgres.row_columns import Kind
from domain.conversation.conversation import Fault
from domain.conversation.values import Usage
from projections.changes import Answer, Ending, Feedback, MessageChanged, SessionChanged
from projections.rows import MessageRow, SessionRow

Parameters = tuple[str, ...]
Encoder = Callable[[Iterable[Any]], str]
Columns = tuple[tuple[Encoder, Callable[[Any], Any]], ...]

_ENCODERS: Final[dict[Kind, Encoder]] = {
    "plain": plain_array,
    "text": text_array,
    "json": json_array,
    "time": time_array,
}


def _columns(**fields: Encoder) -> Columns:
    return tuple((encoder, attrgetter(field)) for field, encoder in fields.items())


def _row_columns(kinds: dict[str, Kind]) -> Columns:
    return _columns(**{field: _ENCODERS[kind] for field, kind in kinds.items()})


def _arrays(columns: Columns, items: Sequence[object]) -> Parameters:
    return tuple([encoder(map(getter, items)) for encoder, getter in columns])


def _absent(struct_type: type[Struct]) -> Any:
    """What stands for a group of columns that a change does not touch: every field is None."""
    return SimpleNamespace(**dict.fromkeys(struct_type.__struct_fields__))


_NO_ANSWER, _NO_ENDING, _NO_FAULT = _absent(Answer), _absent(Ending), _absent(Fault)
_NO_FEEDBACK, _NO_USAGE = _absent(Feedback), _absent(Usage)

_OPENED = _row_columns(row_columns.SESSION)
_CHANGED = _columns(
    session_id=plain_array,
    version=plain_array,
    last_activity_at=time_array,
    state=plain_array,
    turn=plain_array,
    messages_added=plain_array,
    turn_over=plain_array,
    tool_calls_opened=plain_array,
    can_resume=plain_array,
    answered=plain_array,
)
_FAULT = _columns(code=text_array, message=text_array, retryable=plain_array)
_ENDING = _columns(ended_at=time_array, ended_reason=plain_array, ended_detail=text_array)
_ADDED = _row_columns(row_columns.MESSAGE)
_USAGE = _row_columns(row_columns.USAGE)
_ADDED_LAST = _row_columns(row_columns.MESSAGE_LATER)
_EDITED = _columns(
    session_id=plain_array, message_id=plain_array, content=text_array, turn=plain_array, corrected_at=time_array
)
_FEEDBACK = _columns(rating=plain_array, comment=text_array)
_ANSWER = _columns(
    interrupted=plain_array,
    audio_url=text_array,
    metadata=json_array,
    heard_text=text_array,
    audio_end_ms=plain_array,
    finish_reason=text_array,
)


def open_sessions(rows: Sequence[SessionRow]) -> Parameters:
    """For `projection_open_sessions`."""
    return _arrays(_OPENED, rows)


def change_sessions(changes: Sequence[SessionChanged]) -> Parameters:
    """For `projection_change_sessions`."""
    faults = [change.fault or _NO_FAULT for change in changes]
    return (
        *_arrays(_CHANGED, changes),
        plain_array([change.fault is not UNSET for change in changes]),
        *_arrays(_FAULT, faults),
        json_array([change.metadata for change in changes]),
        *_arrays(_ENDING, [change.ending or _NO_ENDING for change in changes]),
    )


def add_messages(rows: Sequence[MessageRow]) -> Parameters:
    """For `projection_add_messages`."""
    return (
        *_arrays(_ADDED, rows),
        *_arrays(_USAGE, [row.usage or _NO_USAGE for row in rows]),
        *_arrays(_ADDED_LAST, rows),
    )


def change_messages(changes: Sequence[MessageChanged]) -> Parameters:
    """For `projection_change_messages`."""
    answers = [change.answer or _NO_ANSWER for change in changes]
    return (
        *_arrays(_EDITED, changes),
        *_arrays(_FEEDBACK, [change.feedback or _NO_FEEDBACK for change in changes]),
        *_arrays(_ANSWER, answers),
        *_arrays(_USAGE, [answer.usage or _NO_USAGE for answer in answers]),
    )
