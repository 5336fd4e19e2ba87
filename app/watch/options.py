"""What is watched, and how."""

from collections.abc import Mapping

from msgspec import Struct


class Options(Struct, frozen=True, kw_only=True):
    """Without a conversation it is the tenant's feed, which the filters narrow. `after` is a `seq`, or in the feed a
    position: what came later is shown first. Late messages of a conversation that has ended are waited for
    `linger_s`, a service that is away `patience_s`. `replay` is a speed, or `max`: the conversation as it was, up to
    the `seq` that is `until` and with no pause longer than `max_pause_s` before the speed divides it, instead of as it
    is."""

    url: str
    conversation_id: str | None
    after: int | None
    filters: Mapping[str, str]
    patience_s: float
    linger_s: float
    with_interims: bool
    with_color: bool
    as_json: bool
    replay: str | None = None
    until: int | None = None
    max_pause_s: float | None = None
