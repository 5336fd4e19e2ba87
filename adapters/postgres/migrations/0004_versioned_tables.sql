-- The read tables get a number, and their names become views of the numbered table that is live. A rebuild fills tables
-- with the next number beside them and then replaces the views, so that nobody who reads or writes by name ever waits.

ALTER TABLE conversation_sessions RENAME TO conversation_sessions_v1;
ALTER INDEX conversation_sessions_pkey RENAME TO conversation_sessions_v1_pkey;
ALTER INDEX conversation_sessions_active_idx RENAME TO conversation_sessions_v1_active_idx;
ALTER INDEX conversation_sessions_ended_idx RENAME TO conversation_sessions_v1_ended_idx;
ALTER INDEX conversation_sessions_user_idx RENAME TO conversation_sessions_v1_user_idx;
ALTER INDEX conversation_sessions_newest_idx RENAME TO conversation_sessions_v1_newest_idx;

ALTER TABLE conversation_messages RENAME TO conversation_messages_v1;
ALTER INDEX conversation_messages_pkey RENAME TO conversation_messages_v1_pkey;
ALTER INDEX conversation_messages_version_idx RENAME TO conversation_messages_v1_version_idx;
ALTER TABLE conversation_messages_v1 ADD COLUMN conversation_language text;
COMMENT ON COLUMN conversation_messages_v1.conversation_language IS
    'the language of the conversation, in which the message can be searched';
UPDATE conversation_messages_v1 AS message SET conversation_language = session.language
FROM conversation_sessions_v1 AS session
WHERE session.id = message.session_id AND session.language IS NOT NULL;

CREATE VIEW conversation_sessions AS SELECT * FROM conversation_sessions_v1;
CREATE VIEW conversation_messages AS SELECT * FROM conversation_messages_v1;
COMMENT ON VIEW conversation_sessions IS 'projection: one row for each conversation, at the version it names';
COMMENT ON VIEW conversation_messages IS 'projection: one row for each message';

CREATE TABLE projection_tables (
    projection text    NOT NULL CHECK (projection IN ('sessions', 'messages')),
    version    integer NOT NULL,
    status     text    NOT NULL CHECK (status IN ('building', 'live', 'previous')),
    position   bigint,
    PRIMARY KEY (projection, version)
);
COMMENT ON TABLE projection_tables IS 'the numbered tables there are; what the views show is live';
COMMENT ON COLUMN projection_tables.position IS
    'of a previous table: where it stopped being live. A live one stands at its checkpoint, one that is built at the rebuild''s';
CREATE UNIQUE INDEX projection_tables_status_idx ON projection_tables (projection, status);
INSERT INTO projection_tables (projection, version, status) VALUES ('sessions', 1, 'live'), ('messages', 1, 'live');

CREATE TABLE projection_rebuilds (
    is_only        boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    id             uuid        NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    projections    text[]      NOT NULL,
    version        integer     NOT NULL,
    phase          text        NOT NULL CHECK (phase IN ('copy', 'index', 'catch_up')),
    until_position bigint      NOT NULL,
    total_events   bigint      NOT NULL,
    is_rollback    boolean     NOT NULL DEFAULT false,
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE projection_rebuilds IS 'the rebuild that is under way, or was when it was killed: where to go on';
COMMENT ON COLUMN projection_rebuilds.until_position IS 'the copy is of the events up to here';

CREATE TABLE projection_rebuild_parts (
    rebuild_id    uuid    NOT NULL REFERENCES projection_rebuilds (id) ON DELETE CASCADE,
    number        integer NOT NULL,
    after_id      uuid    NOT NULL,
    until_id      uuid    NOT NULL,
    copied_id     uuid    NOT NULL,
    copied_events bigint  NOT NULL DEFAULT 0,
    is_done       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (rebuild_id, number)
);
COMMENT ON TABLE projection_rebuild_parts IS 'the copy in parts, each for one process at a time';
COMMENT ON COLUMN projection_rebuild_parts.after_id IS 'the conversations with a higher id, up to until_id';
COMMENT ON COLUMN projection_rebuild_parts.copied_id IS 'conversations up to this id are copied';

-- Every event there is, wherever it is kept.
CREATE VIEW all_stored_events AS SELECT * FROM stored_events;

DO $$
BEGIN
    GRANT SELECT, INSERT, UPDATE ON conversation_sessions, conversation_messages TO turnlog_application;
    GRANT SELECT ON projection_tables, projection_rebuilds, all_stored_events, turnlog_migrations TO turnlog_application;
EXCEPTION WHEN undefined_object THEN
    NULL;
END $$;
