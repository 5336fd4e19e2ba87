"""Schemas as rows for people, the same in a browser and in docs/reference/websocket.md. Code stands in backquotes."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

_NULL: Final = {"type": "null"}
_LIMITS: Final = {
    "minLength": "at least so long:",
    "maxLength": "at most so long:",
    "minimum": "at least",
    "maximum": "at most",
    "maxItems": "at most so many:",
    "maxProperties": "at most so many:",
}


class FieldRow(Struct, frozen=True):
    """One field of a JSON object."""

    name: str
    kind: str
    words: str


def field_rows(schema: dict[str, Any]) -> list[FieldRow]:
    """The fields of an object."""
    return [
        FieldRow(name, type_of(field), _words(field, is_required=name in schema["required"]))
        for name, field in schema["properties"].items()
    ]


def type_of(schema: dict[str, Any]) -> str:
    """Such as: string; `Usage` or null; list of integer."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "anyOf" in schema:
        return _joined(type_of(variant) for variant in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum") or [schema["const"]])
    if schema.get("type") == "array":
        return _type_of_list(schema.get("items", {}))
    if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
        return f"object of {type_of(schema['additionalProperties'])}"
    return str(schema.get("format") or schema.get("type") or "any JSON")


def summary_of(schema: dict[str, Any]) -> str:
    """What the schema says of itself, in one line."""
    return " ".join(schema.get("description", "").split())


def _type_of_list(items: Any) -> str:
    if isinstance(items, list):
        return f"[{', '.join(map(type_of, items))}]"
    return f"list of {type_of(items)}"


def _joined(kinds: Iterator[str]) -> str:
    names = list(dict.fromkeys(kinds))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _words(field: dict[str, Any], *, is_required: bool) -> str:
    variants = [variant for variant in field.get("anyOf", [field]) if variant != _NULL]
    only = variants[0] if len(variants) == 1 else {}
    notes = [words.rstrip(".")] if (words := summary_of(field) or summary_of(only)) else []
    if not isinstance(only.get("items"), list):  # the length of a tuple is told by its type
        notes += [f"{told} {only[keyword]}" for keyword, told in _LIMITS.items() if keyword in only]
    if not is_required and "absent" not in "".join(notes):
        notes.append(_default(field))
    return "; ".join(notes)


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    if default in (None, {}, [], "") or "$ref" in field or isinstance(default, dict):
        return "may be absent"
    return f"`{str(default).lower() if isinstance(default, bool) else default}` when absent"
