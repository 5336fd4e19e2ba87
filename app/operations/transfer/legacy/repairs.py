"""What is put right in rows that cannot be taken in as they are. Each rule has a name, and is counted by it."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Repair(StrEnum):
    """The names of the rules, as reports and docs call them."""

    START_MISSING = "start_missing"
    START_AFTER_FIRST_MESSAGE = "start_after_first_message"
    TIME_UNKNOWN = "time_unknown"
    TIME_UNREADABLE = "time_unreadable"
    MESSAGE_TIME_MISSING = "message_time_missing"
    BOTH_COLUMN_SETS = "both_column_sets"
    END_FROM_DURATION = "end_from_duration"
    END_FROM_LAST_ACTIVITY = "end_from_last_activity"
    END_BEFORE_START = "end_before_start"
    END_BEFORE_LAST_MESSAGE = "end_before_last_message"
    NEVER_CLOSED = "never_closed"
    KEPT_OPEN = "kept_open"
    ACTIVE_BUT_ENDED = "active_but_ended"
    DURATION_UNUSABLE = "duration_unusable"
    DURATION_DIFFERS = "duration_differs"
    LATE_MESSAGE = "late_message"
    USER_ID_FROM_MESSAGES = "user_id_from_messages"
    USER_ID_UNKNOWN = "user_id_unknown"
    MESSAGE_USER_ID_MISSING = "message_user_id_missing"
    MESSAGE_USER_ID_DIFFERS = "message_user_id_differs"
    SESSION_MISSING = "session_missing"
    SESSION_ID_MISSING = "session_id_missing"
    SESSION_REPEATED = "session_repeated"
    SESSION_CHANGED = "session_changed"
    SESSION_TOO_LONG = "session_too_long"
    SESSION_ID_DERIVED = "session_id_derived"
    MESSAGE_ID_DERIVED = "message_id_derived"
    MESSAGE_REPEATED = "message_repeated"
    MESSAGE_ID_REUSED = "message_id_reused"
    ROLE_UNKNOWN = "role_unknown"
    CONTENT_EMPTY = "content_empty"
    CONTENT_TOO_LONG = "content_too_long"
    VALUE_TOO_LONG = "value_too_long"
    METADATA_NOT_AN_OBJECT = "metadata_not_an_object"
    METADATA_CUT = "metadata_cut"
    METADATA_LEFT_OUT = "metadata_left_out"
    CHARACTERS_REPLACED = "characters_replaced"


RULES: Final[dict[Repair, str]] = {
    Repair.START_MISSING: "A session without a start begins with its first message; without messages when its row was "
    "made, else at its last activity or its end.",
    Repair.START_AFTER_FIRST_MESSAGE: "A session that starts after its first message begins with that message.",
    Repair.TIME_UNKNOWN: "Where a session and its messages have no time at all, it is 1970-01-01T00:00:00Z.",
    Repair.TIME_UNREADABLE: "A time that is no time, is infinite or outside the years 1 to 9999 counts as missing.",
    Repair.MESSAGE_TIME_MISSING: "A message without a time has that of the message before it, in the order of ids "
    "where they are numbers; the first one that of the session's start.",
    Repair.BOTH_COLUMN_SETS: "Where a row has both `started_at` and `session_start`, or `ended_at` and `session_end`, "
    "and they differ, the first of the two counts.",
    Repair.END_FROM_DURATION: "A session without an end that has a duration, not zero, and is not marked as active "
    "ends so long after its start.",
    Repair.END_FROM_LAST_ACTIVITY: "A session that is marked as closed and has no end ends at its last activity.",
    Repair.END_BEFORE_START: "A session that ends before it starts ends at its last activity.",
    Repair.END_BEFORE_LAST_MESSAGE: "A session with a message more than 60 s after its end ends with its last message.",
    Repair.NEVER_CLOSED: "A session without any end ends at its last activity, with the reason `idle_timeout`.",
    Repair.KEPT_OPEN: "A session without any end whose last activity is recent (`--keep-open-since`) stays open.",
    Repair.ACTIVE_BUT_ENDED: "A session that has an end and is marked as active has ended.",
    Repair.DURATION_UNUSABLE: "A duration that is negative or cannot be read is passed over.",
    Repair.DURATION_DIFFERS: "Where an end and a duration differ by more than a second, the end counts.",
    Repair.LATE_MESSAGE: "A message up to 60 s after the end is recorded as late and leaves the end where it is.",
    Repair.USER_ID_FROM_MESSAGES: "A session without a user has that of its messages, where they all name the same.",
    Repair.USER_ID_UNKNOWN: "A session without a user whose messages name none, or several, has none.",
    Repair.MESSAGE_USER_ID_MISSING: "A message of the user without a user id has that of its session.",
    Repair.MESSAGE_USER_ID_DIFFERS: "A message with another user id than its session keeps it in its metadata, as "
    "`legacy_user_id`.",
    Repair.SESSION_MISSING: "Messages whose session has no row get a session of their own, with the same id.",
    Repair.SESSION_ID_MISSING: "Messages that name no session get one for each user and day.",
    Repair.SESSION_REPEATED: "Rows with the same session id are one session: of each column the first value counts.",
    Repair.SESSION_CHANGED: "A session whose row has changed since an earlier import keeps its start and its user from "
    "then; its new metadata is taken in when it ends, not afterwards.",
    Repair.SESSION_TOO_LONG: "A session of more than 50,000 messages becomes several conversations, one after the "
    "other; those after the first name it as their `parent_id`.",
    Repair.SESSION_ID_DERIVED: "A session id that is no UUID becomes one that is worked out from it; the old one is "
    "kept in the metadata, as `legacy_id`.",
    Repair.MESSAGE_ID_DERIVED: "A message id that is no UUID becomes one that is worked out from it; the old one is "
    "kept in the metadata, as `legacy_id`.",
    Repair.MESSAGE_REPEATED: "A row that repeats a message of its session, with its id, role, content and time, is "
    "left out.",
    Repair.MESSAGE_ID_REUSED: "Another message with an id that its session has already gets an id of its own.",
    Repair.ROLE_UNKNOWN: "A message with an unknown role, or none, is recorded as the user's without taking a turn; "
    "the role is kept in its metadata, as `legacy_role`.",
    Repair.CONTENT_EMPTY: "A message without content is taken in with an empty one.",
    Repair.CONTENT_TOO_LONG: "Content of more than 32 KiB is split into several messages, one after the other; "
    "`legacy_part` in their metadata says which.",
    Repair.VALUE_TOO_LONG: "A user, agent, channel, language or audio URL that is longer than Turnlog takes goes into "
    "the metadata instead.",
    Repair.METADATA_NOT_AN_OBJECT: "Metadata that is no JSON object is kept whole under the key `legacy_metadata`.",
    Repair.METADATA_CUT: "A value of the metadata with more than 512 characters is cut there.",
    Repair.METADATA_LEFT_OUT: "Keys of the metadata beyond the sixteenth, empty ones and those with more than 64 "
    "characters are left out.",
    Repair.CHARACTERS_REPLACED: "Characters that JSON and Postgres cannot carry (NUL, half of a surrogate pair) are "
    "replaced by U+FFFD.",
}
"""What each rule does, as one sentence."""


class Notes(Struct, eq=False):
    """What was put right, and where: the rule with the id of the session or message it was about."""

    found: list[tuple[Repair, str]] = []

    def note(self, repair: Repair, legacy_id: str) -> None:
        """Once more."""
        self.found.append((repair, legacy_id))
