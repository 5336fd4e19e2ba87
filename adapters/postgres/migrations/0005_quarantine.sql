-- Conversations whose rows stand still, because one of their events cannot become rows. The conversation is parked, not
-- the event, and all others go on.

CREATE TABLE projection_dead_letters (
    checkpoint      text        NOT NULL REFERENCES projection_checkpoints (name) ON DELETE CASCADE,
    conversation_id uuid        NOT NULL,
    tenant_id       uuid        NOT NULL,
    version         bigint      NOT NULL,
    position        bigint      NOT NULL,
    reason          text        NOT NULL
        CHECK (reason IN ('unknown_event', 'corrupt_event', 'not_projectable', 'rows_rejected')),
    error           text        NOT NULL,
    since           timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts        integer     NOT NULL DEFAULT 0,
    last_tried_at   timestamptz,
    PRIMARY KEY (checkpoint, conversation_id)
);
COMMENT ON TABLE projection_dead_letters IS 'parked conversations: their rows are as they were before the event named here';
COMMENT ON COLUMN projection_dead_letters.error IS 'a topic, the name of an exception or an SQLSTATE; never content';
COMMENT ON COLUMN projection_dead_letters.attempts IS 'how often it was tried to project the conversation anew';

-- A runner knows which conversations are parked. Whoever parks or re-drives one raises this, and who knew an older list
-- reads again before it writes.
ALTER TABLE projection_checkpoints ADD COLUMN quarantine_revision bigint NOT NULL DEFAULT 0;

DO $$
BEGIN
    GRANT SELECT, INSERT, UPDATE, DELETE ON projection_dead_letters TO turnlog_application;
    GRANT DELETE ON conversation_sessions, conversation_messages TO turnlog_application;
EXCEPTION WHEN undefined_object THEN
    NULL;
END $$;
