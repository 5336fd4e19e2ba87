"""The settings as rows, for the terminal and for docs/reference/settings.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Meta

from app.settings import MEBIBYTES, Settings, variable_of

INTRODUCTION = """\
# Settings

Generated from `app/settings.py` by `turnlog docs`; do not edit.

Every setting is an environment variable. What is not set, or set to nothing, has its default. A value that cannot be
used stops the start with a sentence that names the variable. `turnlog settings` prints this list with the values that
are set.

| Variable | Default | What it does |
| --- | --- | --- |
"""


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One setting as people read it."""

    variable: str
    default: str
    description: str


def setting_rows() -> list[SettingRow]:
    """In the order of the class."""
    return [_row(field) for field in msgspec.structs.fields(Settings)]


def settings_page() -> str:
    """The text of docs/reference/settings.md."""
    lines = [f"| `{row.variable}` | {row.default} | {row.description} |\n" for row in setting_rows()]
    return INTRODUCTION + "".join(lines)


def shown_value(variable: str, environ: Mapping[str, str]) -> str:
    """The value that is set, without what may be a password."""
    value = environ.get(variable, "")
    if variable != "DATABASE_URL" or not value:
        return value
    return "(set; not shown, because it may hold a password)"


def _row(field: msgspec.structs.FieldInfo) -> SettingRow:
    meta = _meta(field.type)
    default = (meta.extra or {}).get("default") or _readable(field.default, field.name)
    return SettingRow(variable=variable_of(field.name), default=default, description=meta.description or "")


def _meta(annotation: Any) -> Meta:
    if get_origin(annotation) is Annotated:
        for part in get_args(annotation)[1:]:
            if isinstance(part, Meta):
                return part
    raise TypeError(f"A setting needs Annotated[..., Meta(description=...)], and this has none: {annotation}")


def _readable(default: Any, name: str) -> str:
    """`64 MiB` instead of 67108864."""
    match default:
        case None | ():
            return "not set"
        case bool():
            return f"`{str(default).lower()}`"
        case int() if name.endswith("_bytes") and default % MEBIBYTES == 0:
            return f"`{default}` ({default // MEBIBYTES} MiB)"
        case int() | float() | str() | Path():
            return f"`{default}`"
    raise TypeError(f"A default of type {type(default)} needs a way to be shown.")
