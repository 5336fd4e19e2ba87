"""Bodies with which something is wrong, by what that is: the route they are sent to, the body, the culprit."""

from typing import Final

import msgspec

from domain.conversation.limits import MAX_CONTENT_BYTES

START, MESSAGES, COMMANDS, END, METADATA, FEEDBACK = "start", "messages", "commands", "end", "metadata", "feedback"


def _command(name: str, payload: bytes) -> bytes:
    return b'{"name": "%s", "payload": %s}' % (name.encode(), payload)


def _said(payload: bytes) -> bytes:
    return _command("submit_user_message", b'{"content": "x", %s}' % payload)


def _tool(arguments: bytes) -> bytes:
    return _command("start_tool_call", b'{"tool_call_id": "c", "name": "n", "arguments": {"n": %s}}' % arguments)


def _json(**fields: object) -> bytes:
    return msgspec.json.encode(fields)


_ABSURD: Final = b"1" + b"0" * 30
_DEEP: Final = b"[" * 40 + b"]" * 40
_ENDLESS: Final = b"[" * 100_000
_RESULT_AND_ERROR: Final = _command("complete_tool_call", b'{"tool_call_id": "c", "result": 1, "error": "x"}')

MALFORMED_BODIES: Final[dict[str, tuple[str, bytes]]] = {
    "broken JSON": (START, b'{"user_id": '),
    "text after the JSON": (START, b"{} {}"),
    "single quotes": (MESSAGES, b"{'content': 'x'}"),
    "bytes that are no UTF-8": (MESSAGES, b'{"content": "\xff"}'),
    "a key that is no UTF-8": (MESSAGES, b'{"\xff": "x"}'),
    "UTF-16": (MESSAGES, '{"content": "x"}'.encode("utf-16")),
    "a byte order mark": (START, b"\xef\xbb\xbf{}"),
    "not a number": (COMMANDS, _command("start_tool_call", b'{"arguments": NaN}')),
    "absurdly deep free JSON": (COMMANDS, _tool(_ENDLESS)),
}
"""All of them are `malformed_json`, and the culprit is the body."""

UNACCEPTABLE_BODIES: Final[dict[str, tuple[str, bytes, str]]] = {
    "an array": (START, b"[]", "body"),
    "null": (START, b"null", "body"),
    "a number": (START, b"17", "body"),
    "nothing where something is needed": (MESSAGES, b"", "content"),
    "a missing field": (FEEDBACK, b"{}", "rating"),
    "a missing field of a command": (COMMANDS, _command("fail_turn", b'{"code": "x"}'), "payload.message"),
    "an unknown field": (START, b'{"usr_id": "x"}', "usr_id"),
    "an unknown field within": (START, b'{"policies": {"onbusy": "reject"}}', "policies.onbusy"),
    "an unknown field of a command": (COMMANDS, _command("start_listening", b'{"mic": 1}'), "payload.mic"),
    "an unknown field beside a command": (COMMANDS, b'{"name": "start_listening", "x": 1}', "x"),
    "an unknown field of the end": (END, b'{"reason": "x"}', "reason"),
    "a tag that nobody asked for": (START, b'{"type": "start_conversation"}', "type"),
    "a very long unknown field": (START, b'{"%s": 1}' % (b"k" * 5_000), "k" * 200),
    "a wrong type": (MESSAGES, b'{"content": 5}', "content"),
    "a number as text": (FEEDBACK, b'{"rating": "1"}', "rating"),
    "a fraction for an integer": (FEEDBACK, b'{"rating": 1.5}', "rating"),
    "a truth for an integer": (FEEDBACK, b'{"rating": true}', "rating"),
    "a text for a truth": (MESSAGES, b'{"content": "x", "record_only": "yes"}', "record_only"),
    "a wrong type in metadata": (START, b'{"metadata": {"a": "b", "plan": 5}}', "metadata.plan"),
    "a list for metadata": (METADATA, b'{"metadata": []}', "metadata"),
    "a wrong type in a change of metadata": (METADATA, b'{"metadata": {"a": null, "b": 1}}', "metadata.b"),
    "a wrong item": (COMMANDS, _said(b'"segment_ids": ["a", 1]'), "payload.segment_ids[1]"),
    "an unknown command": (COMMANDS, b'{"name": "dance"}', "name"),
    "a command without a name": (COMMANDS, b"{}", "name"),
    "a payload that is no object": (COMMANDS, _command("start_listening", b"[]"), "payload"),
    "an unknown role": (MESSAGES, b'{"content": "x", "role": "narrator"}', "role"),
    "an unknown reason": (END, b'{"ended_reason": "bored"}', "ended_reason"),
    "an unknown policy": (START, b'{"policies": {"on_busy": "shout"}}', "policies.on_busy"),
    "a rating out of range": (FEEDBACK, b'{"rating": 6}', "rating"),
    "a negative duration": (START, b'{"policies": {"idle_timeout_s": -1}}', "policies.idle_timeout_s"),
    "an absurd integer": (START, b'{"policies": {"idle_timeout_s": %s}}' % _ABSURD, "policies.idle_timeout_s"),
    "an integer of 5000 digits": (FEEDBACK, b'{"rating": %s}' % (b"1" * 5_000), "rating"),
    "an absurd float": (COMMANDS, _said(b'"confidence": 1e400'), "payload.confidence"),
    "an absurd number in free JSON": (COMMANDS, _tool(b"1e400"), "payload.arguments"),
    "an absurd integer in free JSON": (COMMANDS, _tool(_ABSURD), "payload.arguments.n"),
    "an absurd expected version": (COMMANDS, b'{"name": "x", "expected_version": %s}' % _ABSURD, "expected_version"),
    "a negative expected version": (COMMANDS, b'{"name": "x", "expected_version": -1}', "expected_version"),
    "an id that is none": (START, b'{"id": "1"}', "id"),
    "an id of a command that is none": (COMMANDS, b'{"name": "start_listening", "id": "x"}', "id"),
    "a message id that is none": (MESSAGES, b'{"content": "x", "message_id": "../x"}', "message_id"),
    "a time without an offset": (COMMANDS, _said(b'"spoken_at": "2026-01-01T00:00:00"'), "payload.spoken_at"),
    "a time that never was": (COMMANDS, _said(b'"spoken_at": "2026-02-30T00:00:00Z"'), "payload.spoken_at"),
    "a time before all time": (COMMANDS, _said(b'"spoken_at": "0001-01-01T00:00:00+14:00"'), "payload.spoken_at"),
    "NUL": (MESSAGES, b'{"content": "a\\u0000b"}', "content"),
    "NUL in a key": (START, b'{"metadata": {"a\\u0000": "b"}}', "metadata.a\\x00"),
    "NUL deep inside": (COMMANDS, _tool(b'[1, {"x": "\\u0000"}]'), "payload.arguments.n[1].x"),
    "half a surrogate pair": (MESSAGES, b'{"content": "a\\ud800b"}', "content"),
    "the other half": (MESSAGES, b'{"content": "\\udc00"}', "content"),
    "half a pair in a key": (START, b'{"metadata": {"\\ud800": "b"}}', "metadata.\\ud800"),
    "too much content": (MESSAGES, _json(content="x" * (MAX_CONTENT_BYTES + 1)), "content"),
    "too many bytes of content": (MESSAGES, _json(content="ü" * MAX_CONTENT_BYTES), "content"),
    "too long a user id": (START, b'{"user_id": "%s"}' % (b"u" * 256), "user_id"),
    "an empty user id": (START, b'{"user_id": ""}', "user_id"),
    "too much metadata": (START, _json(metadata={str(n): "" for n in range(17)}), "metadata"),
    "too long a key of metadata": (START, _json(metadata={"k" * 65: ""}), f"metadata.{'k' * 65}"),
    "too long a value of metadata": (START, _json(metadata={"k": "v" * 513}), "metadata.k"),
    "too much free JSON": (COMMANDS, _tool(b'"%s"' % (b"y" * 40_000)), "payload.arguments"),
    "too deep free JSON": (COMMANDS, _tool(_DEEP), "payload.arguments"),
    "nothing but brackets": (START, _ENDLESS, "body"),
    "a result and an error": (COMMANDS, _RESULT_AND_ERROR, "payload.error"),
}
"""All of them are `invalid_command`."""
