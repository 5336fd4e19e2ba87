"""Reading requests: bodies, queries and headers, each refused with the name of what is wrong."""

import re
from typing import Any, Final, TypeVar
from urllib.parse import unquote_plus
from uuid import UUID, uuid5

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import InternalServerException

from app.http.problems import IncompleteBody, InvalidHeader, UnsupportedMediaType
from app.principal import Principal
from app.queries import InvalidQuery
from app.use_cases.write_options import WriteOptions
from app.wire import decode
from app.wire_culprits import without_value
from domain.conversation.errors import ConversationNotFound, InvalidCommand, UnknownMessage
from domain.conversation.field_paths import shown
from domain.ids import UUID_PATTERN, CommandId, ConversationId, MessageId, TenantId

HttpRequest = Request[Any, Any, State]
T = TypeVar("T")

MAX_BODY_BYTES: Final = 256 * 1024
MAX_KEY_CHARACTERS: Final = 255
MAX_QUERY_PARAMETERS: Final = 64
MAX_VERSION: Final = 2**63 - 1

KEY_NAMESPACE: Final = UUID("3f1f2d4e-6b0c-5a55-9d0e-4c6a7e1f8b21")
"""In this namespace the UUIDv5 of `tenant:key` is the command id of an idempotency key that is no UUID."""

_UUID: Final = re.compile(UUID_PATTERN)
_ETAG: Final = re.compile(r'^(?:W/)?"(?P<version>[0-9]{1,19})"$')
_TRACEPARENT: Final = re.compile(r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
_JSON_TYPE: Final = re.compile(r"^application/(?:[a-z0-9.+-]+\+)?json$")


def conversation_id_of(text: str) -> ConversationId:
    """The id in a path. What cannot be an id is the id of nothing."""
    lowered = text.lower()
    if _UUID.fullmatch(lowered) is None:
        raise ConversationNotFound(ConversationId(shown(text, MAX_KEY_CHARACTERS)))
    return ConversationId(lowered)


def message_id_of(text: str) -> MessageId:
    """The same for a message."""
    lowered = text.lower()
    if _UUID.fullmatch(lowered) is None:
        raise UnknownMessage(MessageId(shown(text, MAX_KEY_CHARACTERS)))
    return MessageId(lowered)


async def read_body(request: HttpRequest, decoder: "msgspec.json.Decoder[T]") -> T:
    """The body as the decoder's type; no body at all is an empty object.

    Raises:
        InvalidCommand: `field` is the path of the culprit.
        UnsupportedMediaType, IncompleteBody: see there.
    """
    try:
        body = await request.body()
    except InternalServerException as error:
        raise IncompleteBody from error
    if not body:
        return decode(decoder, b"{}")
    media_type, options = request.content_type
    charset = options.get("charset", "utf-8").lower()
    if _JSON_TYPE.fullmatch(media_type.lower()) is None or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType
    return decode(decoder, body)


def read_query(request: HttpRequest, wanted: type[T]) -> T:
    """The query as a struct, whose fields are the parameters. `name[key]=value` goes into a field that is a dict.

    Raises:
        InvalidQuery: `field` is the parameter at fault.
    """
    values: dict[str, Any] = {}
    for name, value in _pairs(request.scope["query_string"]):
        outer, bracket, key = name.partition("[")
        target, place = (values.setdefault(outer, {}), key.removesuffix("]")) if bracket else (values, name)
        if not isinstance(target, dict) or place in target:
            raise InvalidQuery(shown(name), "is given twice.")
        target[place] = value
    try:
        return msgspec.convert(values, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error


def _pairs(query: bytes) -> list[tuple[str, str]]:
    parts = [part for part in query.split(b"&") if part]
    if len(parts) > MAX_QUERY_PARAMETERS:
        raise InvalidQuery("query", f"has more than {MAX_QUERY_PARAMETERS} parameters.")
    return [_pair(part) for part in parts]


def _pair(part: bytes) -> tuple[str, str]:
    name, _, value = part.partition(b"=")
    shown_name = shown(unquote_plus(name.decode("ascii", "replace")))
    try:
        pair = unquote_plus(name.decode("ascii"), errors="strict"), unquote_plus(value.decode("ascii"), errors="strict")
    except UnicodeError as error:
        raise InvalidQuery(shown_name, "is not UTF-8 in percent encoding.") from error
    if any("\0" in text for text in pair):
        raise InvalidQuery(shown_name, "holds a NUL character.")
    return pair


def _refusal(message: str) -> InvalidQuery:
    """Msgspec names the parameter in one of two ways."""
    unknown = re.search(r"unknown field `(.*)`", message)
    if unknown is not None:
        return InvalidQuery(shown(unknown[1]), "is not a parameter of this request.")
    reason, _, place = message.rpartition(" - at `$.")
    return InvalidQuery(shown(place.rstrip("`") or "query"), f"is wrong: {shown(without_value(reason))}.")


def write_options(request: HttpRequest, principal: Principal) -> WriteOptions:
    """What the headers of a write say. Raises InvalidHeader."""
    return WriteOptions(
        command_id=_command_id(request, principal.tenant_id),
        expected_version=_expected_version(request),
        traceparent=_traceparent(request),
    )


def check_same(options: WriteOptions, command_id: CommandId | None, expected_version: int | None) -> None:
    """A body may say what a header says, but nothing else. Raises InvalidCommand."""
    if command_id is not None and options.command_id not in (None, command_id):
        raise InvalidCommand("id", "differs from the header `Idempotency-Key`.")
    if expected_version is not None and options.expected_version not in (None, expected_version):
        raise InvalidCommand("expected_version", "differs from the header `If-Match`.")


def _command_id(request: HttpRequest, tenant_id: TenantId) -> CommandId | None:
    key = _only(request, "Idempotency-Key")
    if key is None:
        return None
    if len(key) > 2 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]  # as a structured field's string
    check_header_text("Idempotency-Key", key)
    lowered = key.lower()
    is_uuid = _UUID.fullmatch(lowered) is not None
    return CommandId(lowered if is_uuid else str(uuid5(KEY_NAMESPACE, f"{tenant_id}:{key}")))


def _expected_version(request: HttpRequest) -> int | None:
    value = _only(request, "If-Match")
    if value is None or value.strip() == "*":
        return None
    etag = _ETAG.fullmatch(value.strip())
    if etag is None or int(etag["version"]) > MAX_VERSION:
        raise InvalidHeader("If-Match", 'must be one version as an entity tag, such as "17".')
    return int(etag["version"])


def _traceparent(request: HttpRequest) -> str | None:
    """W3C Trace Context says to ignore one that is not valid."""
    value = request.headers.get("traceparent", "")
    return value if _TRACEPARENT.fullmatch(value) else None


def has_version(request: HttpRequest, version: int) -> bool:
    """Whether the caller has this version already. A header that cannot be read asks for nothing."""
    value = request.headers.get("If-None-Match", "")
    tags = (tag.strip().removeprefix("W/") for tag in value.split(","))
    return any(tag in ("*", f'"{version}"') for tag in tags)


def check_header_text(header: str, text: str) -> None:
    """Raises InvalidHeader unless the text is of 1 to 255 printable ASCII characters."""
    if not 1 <= len(text) <= MAX_KEY_CHARACTERS or not (text.isascii() and text.isprintable()):
        raise InvalidHeader(header, f"must be of 1 to {MAX_KEY_CHARACTERS} printable ASCII characters.")


def _only(request: HttpRequest, header: str) -> str | None:
    values = set(request.headers.getall(header, []))
    if len(values) > 1:
        raise InvalidHeader(header, "is given twice with different values.")
    return next(iter(values), None)
