"""A million messages in fifty thousand conversations, made in seconds by the database itself.

Conversation n starts n times three minutes into the year; the last two hundred live. Nine of ten belong to `LARGE`,
the others to ten small tenants. Every message says `message` and one each of a thousand, ten thousand and a hundred
thousand other words; every second one `table` and the others `room`; the oldest hundred thousand `inkwell`, and ten of
all `xylophones`.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from domain.ids import ConversationId, TenantId
from tests.support.decider import numbered_uuid

CONVERSATIONS: Final = 50_000
LIVING: Final = 200
MESSAGES_OF_EACH: Final = 20
MESSAGES_OF_THE_LONG_ONE: Final = 20_000
FIRST_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
START_EVERY: Final = timedelta(minutes=3)
LARGE: Final = TenantId("00000000-0000-0000-0000-00000000aaaa")
SMALL: Final = TenantId("00000000-0000-0000-0000-000000000003")
LONG_CONVERSATION: Final = 12_345

_BIG_TABLES: Final = ("conversation_sessions_v1", "conversation_messages_v1")

_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = ANY(%s) AND schemaname = current_schema() AND indexname NOT LIKE '%%_pkey'
"""

_SESSIONS = """
INSERT INTO conversation_sessions (
    id, tenant_id, user_id, language, policies, metadata, state, started_at, created_at, last_activity_at, version,
    ended_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
       CASE WHEN n %% 10 > 0 THEN %(large)s::uuid
            ELSE ('00000000-0000-0000-0000-' || lpad((n / 10 %% 10)::text, 12, '0'))::uuid END,
       'user-' || n %% 1000, (ARRAY['en', 'en-GB', 'de', NULL])[n %% 4 + 1], '{}',
       jsonb_build_object('plan', (ARRAY['gold', 'free'])[n %% 2 + 1], 'number', (n %% 5000)::text),
       CASE WHEN n <= %(count)s - %(living)s THEN 'ENDED'
            ELSE (ARRAY['IDLE', 'LISTENING', 'SPEAKING'])[n %% 3 + 1] END,
       at, at, at, 21, CASE WHEN n <= %(count)s - %(living)s THEN at + interval '5 minutes' END
FROM generate_series(1, %(count)s) AS n,
     LATERAL (SELECT %(first)s::timestamptz + n * %(every)s::interval AS at) AS start
"""

_MESSAGES = """
INSERT INTO conversation_messages (
    id, session_id, tenant_id, user_id, role, content, created_at, version, conversation_language)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(m), 12, '0'))::uuid, session.id, session.tenant_id,
       CASE WHEN m %% 2 = 0 THEN session.user_id END, CASE WHEN m %% 2 = 0 THEN 'user' ELSE 'assistant' END,
       concat_ws(' ', 'message', 'a' || m %% 997, 'b' || m %% 9973, 'c' || m %% 99991,
           CASE WHEN m %% 2 = 0 THEN 'table' ELSE 'room' END,
           CASE WHEN m < 100000 THEN 'inkwell' END, CASE WHEN m %% 100000 = 1021 THEN 'xylophones' END),
       session.started_at + m %% %(each)s * interval '7 s', m %% %(each)s + 2, session.language
FROM generate_series(0, %(count)s * %(each)s - 1) AS m
JOIN conversation_sessions AS session
    ON session.id = ('00000000-0000-7000-8000-' || lpad(to_hex(m / %(each)s + 1), 12, '0'))::uuid
"""

_LONG_CONVERSATION = """
INSERT INTO conversation_messages (id, session_id, tenant_id, role, content, created_at, version)
SELECT gen_random_uuid(), id, tenant_id, 'tool', 'more', started_at + n * interval '1 ms', n + 1000
FROM conversation_sessions, generate_series(1, %s) AS n
WHERE id = %s
"""


def conversation_of(number: int) -> ConversationId:
    """The id of conversation `number`, from 1 on. It is the large tenant's unless ten divides the number."""
    return ConversationId(numbered_uuid(number))


def start_of(number: int) -> datetime:
    """When conversation `number` starts."""
    return FIRST_START + number * START_EVERY


def fill(dsn: str) -> None:
    """Make them all, then the indexes, then what the planner knows. Nothing of it is logged: tests need no recovery."""
    sizes = {
        "count": CONVERSATIONS,
        "living": LIVING,
        "each": MESSAGES_OF_EACH,
        "first": FIRST_START,
        "every": START_EVERY,
        "large": LARGE,
    }
    with psycopg.connect(dsn, autocommit=True) as connection:
        with connection.transaction():
            indexes = connection.execute(_INDEXES, [list(_BIG_TABLES)]).fetchall()
            for name, _ in indexes:
                connection.execute(f"DROP INDEX {name}".encode())
            for table in _BIG_TABLES:
                connection.execute(f"ALTER TABLE {table} SET UNLOGGED".encode())
            connection.execute(_SESSIONS, sizes)
            connection.execute(_MESSAGES, sizes)
            connection.execute(_LONG_CONVERSATION, [MESSAGES_OF_THE_LONG_ONE, conversation_of(LONG_CONVERSATION)])
            connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
            for _, definition in indexes:
                connection.execute(definition.encode())
        connection.execute(f"VACUUM ANALYZE {', '.join(_BIG_TABLES)}".encode())
