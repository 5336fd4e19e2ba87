-- The read tables. They are projections of stored_events: whatever stands in them can be built again from there.

CREATE TABLE conversation_sessions (
    id               uuid        PRIMARY KEY,
    session_id       uuid        NOT NULL GENERATED ALWAYS AS (id) STORED,
    tenant_id        uuid        NOT NULL,
    user_id          text,
    agent            text,
    channel          text,
    language         text,
    parent_id        uuid,
    policies         jsonb       NOT NULL,
    metadata         jsonb       NOT NULL DEFAULT '{}',
    state            text        NOT NULL,
    started_at       timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    last_activity_at timestamptz NOT NULL,
    version          bigint      NOT NULL,
    ended_at         timestamptz,
    ended_reason     text,
    ended_detail     text,
    is_active        boolean     NOT NULL GENERATED ALWAYS AS (state <> 'ENDED') STORED,
    duration_seconds double precision GENERATED ALWAYS AS (
        CASE WHEN ended_at IS NOT NULL THEN greatest(0, extract(epoch FROM ended_at - started_at)) END) STORED,
    message_count    integer     NOT NULL DEFAULT 0,
    turn_count       integer     NOT NULL DEFAULT 0,
    answered         boolean     NOT NULL DEFAULT false,
    can_resume       boolean     NOT NULL DEFAULT false,
    open_tool_calls  integer     NOT NULL DEFAULT 0,
    fault_code       text,
    fault_message    text,
    fault_retryable  boolean
) WITH (fillfactor = 80); -- room in the page, so that raising the version touches no index
COMMENT ON TABLE conversation_sessions IS 'projection: one row for each conversation, at the version it names';
COMMENT ON COLUMN conversation_sessions.session_id IS 'equal to id: one conversation is one session';
COMMENT ON COLUMN conversation_sessions.duration_seconds IS 'from start to end; null while it lives; never negative though clocks may jump';
COMMENT ON COLUMN conversation_sessions.answered IS 'the last turn got its answer';
COMMENT ON COLUMN conversation_sessions.can_resume IS 'an interrupted answer may still go on';

CREATE INDEX conversation_sessions_active_idx ON conversation_sessions (started_at) WHERE is_active = TRUE;
CREATE INDEX conversation_sessions_ended_idx ON conversation_sessions (ended_at) WHERE is_active = FALSE;
CREATE INDEX conversation_sessions_user_idx ON conversation_sessions (tenant_id, user_id, started_at);
CREATE INDEX conversation_sessions_newest_idx ON conversation_sessions (tenant_id, started_at DESC, id DESC);

CREATE TABLE conversation_messages (
    id               uuid        NOT NULL,
    session_id       uuid        NOT NULL,
    tenant_id        uuid        NOT NULL,
    user_id          text,
    role             text        NOT NULL,
    content          text        NOT NULL,
    audio_url        text,
    metadata         jsonb       NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL,
    turn             integer,
    version          bigint      NOT NULL,
    interrupted      boolean     NOT NULL DEFAULT false,
    heard_text       text,
    audio_start_ms   integer,
    audio_end_ms     integer,
    language         text,
    confidence       double precision,
    speaker_id       text,
    spoken_at        timestamptz,
    late             boolean     NOT NULL DEFAULT false,
    response_id      text,
    model            text,
    provider         text,
    finish_reason    text,
    input_tokens         integer,
    output_tokens        integer,
    cached_input_tokens  integer,
    input_audio_tokens   integer,
    output_audio_tokens  integer,
    feedback_rating  smallint,
    feedback_comment text,
    corrected_at     timestamptz,
    PRIMARY KEY (session_id, id) -- ids come from callers and are unique within their conversation only
);
COMMENT ON TABLE conversation_messages IS 'projection: one row for each message';
COMMENT ON COLUMN conversation_messages.user_id IS 'the user of the conversation, on messages of the user';
COMMENT ON COLUMN conversation_messages.turn IS 'null on messages that take no turn, or wait for one';
COMMENT ON COLUMN conversation_messages.version IS 'version of the event that first made the message';
COMMENT ON COLUMN conversation_messages.content IS 'of an interrupted answer: what was generated';
COMMENT ON COLUMN conversation_messages.heard_text IS 'of an interrupted answer: what the user can have heard';

CREATE UNIQUE INDEX conversation_messages_version_idx ON conversation_messages (session_id, version);

CREATE TABLE projection_checkpoints (
    name           text        PRIMARY KEY,
    position       bigint      NOT NULL DEFAULT 0,
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    unknown_events bigint      NOT NULL DEFAULT 0
);
COMMENT ON COLUMN projection_checkpoints.position IS 'every event up to here is in the rows';
COMMENT ON COLUMN projection_checkpoints.heartbeat_at IS 'last sign of life of the runner, with or without progress';
COMMENT ON COLUMN projection_checkpoints.unknown_events IS 'written by newer code, and skipped';

DO $$
BEGIN
    GRANT SELECT, INSERT, UPDATE ON conversation_sessions, conversation_messages, projection_checkpoints
        TO turnlog_application;
EXCEPTION WHEN undefined_object THEN
    NULL;
END $$;
