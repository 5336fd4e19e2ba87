"""The JSON schemas of the document's types, as msgspec describes them."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.http.v2.bodies import CommandBody
from domain.conversation.commands import COMMAND_TYPES, name_of

_REFERENCE: Final = "#/components/schemas/{name}"


_GENERIC_NAME: Final = re.compile(rb"\b(?P<outer>[A-Z][a-z]+)_(?P<inner>[A-Z]\w*?)_(?!\w)")


def _readable(described: Any) -> Any:
    """The same with `ConversationViewPage` in place of `Page_ConversationView_`."""
    return msgspec.json.decode(_GENERIC_NAME.sub(rb"\g<inner>\g<outer>", msgspec.json.encode(described)))


class Schemas:
    """All types are given at once: types that have the same name would otherwise be mixed up."""

    def __init__(self, types: Sequence[Any]) -> None:
        wanted = list(dict.fromkeys([*types, CommandBody, *COMMAND_TYPES]))
        schemas, components = _readable(msgspec.json.schema_components(wanted, ref_template=_REFERENCE))
        self._schemas: dict[Any, dict[str, Any]] = dict(zip(wanted, schemas, strict=True))
        self.components: dict[str, Any] = dict(components)
        self._describe_commands()

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of one of the types, by reference."""
        return self._schemas[kind]

    def fields(self, kind: type[Struct]) -> dict[str, Any]:
        """The schemas of the fields of any struct, which need not be one of the types."""
        _, components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
        fields: dict[str, Any] = components.pop(kind.__name__)["properties"]
        for name, schema in components.items():
            self.components.setdefault(name, schema)
        return fields

    def _describe_commands(self) -> None:
        """A payload needs no tag, since the name stands beside it."""
        for command in COMMAND_TYPES:
            schema = self.components[command.__name__]
            schema["properties"].pop("type")
            schema["required"].remove("type")
            schema["title"] = f"{command.__name__} (payload of `{name_of(command)}`)"
        body = self.components[CommandBody.__name__]["properties"]
        body["name"]["enum"] = [name_of(command) for command in COMMAND_TYPES]
        body["payload"] = {
            "anyOf": [self._schemas[command] for command in COMMAND_TYPES],
            "description": "The fields of the command that `name` names.",
            "default": {},
        }
