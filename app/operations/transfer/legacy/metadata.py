"""Metadata of older rows, made to fit: texts only, within the limits of the domain."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.operations.transfer.legacy.repairs import Notes, Repair
from domain.conversation.limits import (
    MAX_METADATA_KEY_CHARACTERS,
    MAX_METADATA_KEYS,
    MAX_METADATA_VALUE_CHARACTERS,
)
from domain.conversation.values import Metadata

PREFIX: Final = "legacy_"
"""Of keys that stand for columns, or that the import has added."""

Pair = tuple[str, str]


def pairs_of(text: str | None, notes: Notes, legacy_id: str) -> list[Pair]:
    """The keys and values of a metadata column. Values that are no texts are written as JSON; nulls are left out."""
    if text is None or not text.strip():
        return []
    pairs = _members_of(text)
    if pairs is None:
        notes.note(Repair.METADATA_NOT_AN_OBJECT, legacy_id)
        return [(f"{PREFIX}metadata", text)]
    return pairs


def extra_pairs(row: Mapping[str, str | None], columns: Iterable[str]) -> list[Pair]:
    """What stands in columns that mean nothing here."""
    return [(f"{PREFIX}{column}", value) for column in columns if (value := row.get(column)) is not None]


def fitted(pairs: Iterable[Pair], notes: Notes, legacy_id: str) -> Metadata:
    """As many as there is room for, the first ones first; of a key that comes twice the first counts."""
    metadata: Metadata = {}
    for key, value in pairs:
        key, value = clean(key, notes, legacy_id), clean(value, notes, legacy_id)  # noqa: PLW2901 - the same, readable
        if key in metadata:
            continue
        if not 0 < len(key) <= MAX_METADATA_KEY_CHARACTERS or len(metadata) == MAX_METADATA_KEYS:
            notes.note(Repair.METADATA_LEFT_OUT, legacy_id)
            continue
        if len(value) > MAX_METADATA_VALUE_CHARACTERS:
            notes.note(Repair.METADATA_CUT, legacy_id)
        metadata[key] = value[:MAX_METADATA_VALUE_CHARACTERS]
    return metadata


def clean(text: str, notes: Notes, legacy_id: str) -> str:
    """The text as it can be stored."""
    if "\x00" not in text and _is_unicode(text):
        return text
    notes.note(Repair.CHARACTERS_REPLACED, legacy_id)
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", "\ufffd")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _members_of(text: str) -> list[Pair] | None:
    """The members of a JSON object; none where it is null, and None where it is anything else."""
    try:
        parsed = json.loads(text)
        if isinstance(parsed, dict):
            return [(key, _text_of(value)) for key, value in parsed.items() if value is not None]
    except (ValueError, RecursionError):
        return None
    return [] if parsed is None else None


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
