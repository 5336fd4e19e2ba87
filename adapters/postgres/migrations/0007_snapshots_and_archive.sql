-- What keeps a store that only grows quick: snapshots of long conversations, an archive for those that have long
-- ended, and settings for the life of each table.

-- Snapshots. They may be lost or deleted at any time, which costs nothing but time.
CREATE TABLE conversation_snapshots (
    conversation_id uuid        NOT NULL,
    version         bigint      NOT NULL,
    tenant_id       uuid        NOT NULL,
    fingerprint     text        NOT NULL,
    latest_at       timestamptz NOT NULL,
    state           bytea       NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (conversation_id, fingerprint, version)
);
COMMENT ON TABLE conversation_snapshots IS 'what the first events of a conversation fold into; discardable';
COMMENT ON COLUMN conversation_snapshots.fingerprint IS 'of the code that folded it: other code ignores it';
COMMENT ON COLUMN conversation_snapshots.latest_at IS 'the latest time at which one of these events occurred';
CREATE INDEX conversation_snapshots_tenant_idx ON conversation_snapshots (tenant_id);

-- The archive: the same columns, and the same rules, as stored_events.
CREATE TABLE archived_events (
    originator_id      uuid        NOT NULL,
    originator_version bigint      NOT NULL,
    topic              text        NOT NULL,
    state              bytea       NOT NULL,
    notification_id    bigint      NOT NULL,
    tenant_id          uuid        NOT NULL,
    command_id         uuid,
    recorded_at        timestamptz NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);
COMMENT ON TABLE archived_events IS 'events of conversations that ended long ago, moved here from stored_events';
CREATE UNIQUE INDEX archived_events_notification_id_idx ON archived_events (notification_id);
CREATE UNIQUE INDEX archived_events_command_id_idx ON archived_events (command_id, tenant_id)
    WHERE command_id IS NOT NULL;

CREATE OR REPLACE VIEW all_stored_events AS
    SELECT originator_id, originator_version, topic, state, notification_id, tenant_id, command_id, recorded_at
    FROM stored_events
    UNION ALL
    SELECT originator_id, originator_version, topic, state, notification_id, tenant_id, command_id, recorded_at
    FROM archived_events;
COMMENT ON VIEW all_stored_events IS 'every event there is; an event stands in exactly one of the two tables';

-- An event leaves a table only when it stands in the other, byte for byte. Whoever deletes by other means, also the
-- owner, finds that it does not.
CREATE FUNCTION turnlog_refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _is_kept boolean;
BEGIN
    EXECUTE format(
        'SELECT EXISTS (SELECT FROM %I.%I kept WHERE kept.originator_id = $1.originator_id'
        ' AND kept.originator_version = $1.originator_version AND kept.topic = $1.topic AND kept.state = $1.state'
        ' AND kept.notification_id = $1.notification_id AND kept.tenant_id = $1.tenant_id'
        ' AND kept.command_id IS NOT DISTINCT FROM $1.command_id AND kept.recorded_at = $1.recorded_at)',
        TG_TABLE_SCHEMA, TG_ARGV[0]) INTO _is_kept USING OLD;
    IF _is_kept THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'stored events are never changed: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

DROP TRIGGER stored_events_are_immutable ON stored_events;
CREATE TRIGGER stored_events_are_immutable BEFORE UPDATE ON stored_events
    FOR EACH ROW EXECUTE FUNCTION turnlog_refuse_change();
CREATE TRIGGER stored_events_leave_for_the_archive BEFORE DELETE ON stored_events
    FOR EACH ROW EXECUTE FUNCTION turnlog_refuse_loss('archived_events');
CREATE TRIGGER archived_events_are_immutable BEFORE UPDATE ON archived_events
    FOR EACH ROW EXECUTE FUNCTION turnlog_refuse_change();
CREATE TRIGGER archived_events_leave_for_the_store BEFORE DELETE ON archived_events
    FOR EACH ROW EXECUTE FUNCTION turnlog_refuse_loss('stored_events');
CREATE TRIGGER archived_events_stay BEFORE TRUNCATE ON archived_events
    FOR EACH STATEMENT EXECUTE FUNCTION turnlog_refuse_change();

-- Move the events of ended conversations, all but the last of each: appends, heads and positions are found where they
-- always were, and what moved is never behind a version that could be appended. A conversation that has not ended, or
-- is nobody's, is left alone. Gives the number of events moved.
CREATE FUNCTION turnlog_archive(_conversations uuid[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    _moved bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7261005); -- one at a time; the others then find nothing left to move
    WITH ended AS MATERIALIZED (
        SELECT conversation, (
            SELECT max(e.originator_version) FROM stored_events e WHERE e.originator_id = conversation) AS head
        FROM unnest(_conversations) AS conversation
        WHERE EXISTS (
            SELECT FROM all_stored_events e
            WHERE e.originator_id = conversation AND e.topic LIKE 'conversation\_ended.v%')
    )
    INSERT INTO archived_events (
        originator_id, originator_version, topic, state, notification_id, tenant_id, command_id, recorded_at)
    SELECT e.originator_id, e.originator_version, e.topic, e.state, e.notification_id, e.tenant_id, e.command_id,
           e.recorded_at
    FROM ended JOIN stored_events e
        ON e.originator_id = ended.conversation AND e.originator_version < ended.head
    ORDER BY e.notification_id;
    DELETE FROM stored_events e USING archived_events moved
    WHERE moved.originator_id = ANY (_conversations)
        AND e.originator_id = moved.originator_id AND e.originator_version = moved.originator_version;
    GET DIAGNOSTICS _moved = ROW_COUNT;
    RETURN _moved;
END $$;

-- Bring the events of one conversation back. Gives their number.
CREATE FUNCTION turnlog_restore(_conversation uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    _moved bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7261005);
    INSERT INTO stored_events (
        originator_id, originator_version, topic, state, notification_id, tenant_id, command_id, recorded_at)
    SELECT originator_id, originator_version, topic, state, notification_id, tenant_id, command_id, recorded_at
    FROM archived_events WHERE originator_id = _conversation;
    GET DIAGNOSTICS _moved = ROW_COUNT;
    DELETE FROM archived_events WHERE originator_id = _conversation;
    RETURN _moved;
END $$;

-- The beginning of a conversation may have moved, so the primary key does not refuse a second one any more: the two
-- quick forms of the append look whether there is anything of it. The rest of them is as it was.
CREATE OR REPLACE FUNCTION turnlog_append_one(
    _conversation uuid, _version bigint, _topic text, _state bytea, _command uuid, _tenant uuid,
    OUT _position bigint, OUT _recorded_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7261002);
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE; -- queue behind a library appender before the first nextval
    _recorded_at := clock_timestamp();
    INSERT INTO stored_events (originator_id, originator_version, topic, state, command_id, tenant_id, recorded_at)
    SELECT _conversation, _version, _topic, _state, _command, _tenant, _recorded_at
    WHERE CASE WHEN _version <= 1
        THEN (SELECT e.originator_version FROM stored_events e WHERE e.originator_id = _conversation LIMIT 1) IS NULL
        ELSE _tenant = ( -- the primary key does not refuse holes
            SELECT e.tenant_id FROM stored_events e
            WHERE e.originator_id = _conversation AND e.originator_version = _version - 1)
        END
    RETURNING notification_id INTO _position;
    NOTIFY stored_events;
END $$;

CREATE OR REPLACE FUNCTION turnlog_append_batch(
    _conversation uuid[], _version bigint[], _topic text[], _state bytea[], _command uuid[], _tenant uuid[],
    OUT _position bigint, OUT _recorded_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7261002);
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE;
    _recorded_at := clock_timestamp();
    -- Holes are looked for by scalar subqueries, which can never become a join: a plan made while the table was small
    -- would go on reading all of it when it is large.
    IF EXISTS (
        SELECT 1 FROM unnest(_conversation, _version, _command, _tenant) AS u(conversation, version, command, tenant)
        WHERE command IS NOT NULL AND CASE WHEN version <= 1
            THEN (SELECT e.originator_version FROM stored_events e WHERE e.originator_id = conversation LIMIT 1)
                IS NOT NULL
            ELSE (SELECT e.tenant_id FROM stored_events e
                  WHERE e.originator_id = conversation AND e.originator_version = version - 1) IS DISTINCT FROM tenant
            END
    ) THEN
        RETURN;
    END IF;
    BEGIN
        INSERT INTO stored_events (originator_id, originator_version, topic, state, command_id, tenant_id, recorded_at)
        SELECT conversation, version, topic, state, command, tenant, _recorded_at
        FROM unnest(_conversation, _version, _topic, _state, _command, _tenant)
            WITH ORDINALITY AS u(conversation, version, topic, state, command, tenant, number)
        ORDER BY number;
    EXCEPTION WHEN unique_violation THEN
        RETURN; -- a conflict or a repeated command somewhere; the burnt positions are harmless
    END;
    _position := currval('stored_events_notification_id_seq');
    NOTIFY stored_events;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION turnlog_append_one SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION turnlog_append_batch SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION turnlog_archive SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION turnlog_restore SET search_path = %I, pg_temp', current_schema());
END $$;
REVOKE ALL ON FUNCTION turnlog_archive, turnlog_restore FROM PUBLIC;

-- How the tables live. docs/explanation/storage-and-growth.md says more about each.

-- Events are inserted and read. Vacuum by the count of inserts and not by a share of a table that only grows, so that
-- each visit is to the new pages alone; freeze them on that visit, for nobody will ever change them: no later vacuum
-- has to come back, not even against wraparound, and index-only scans find every page visible.
ALTER TABLE stored_events SET (
    fillfactor = 100,
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_analyze_threshold = 100000,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_freeze_min_age = 0
);
ALTER TABLE archived_events SET (
    fillfactor = 100,
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_freeze_min_age = 0
);
-- Positions only rise: no page of their index is ever written to again once it is full.
ALTER INDEX stored_events_notification_id_idx SET (fillfactor = 100);
ALTER INDEX archived_events_notification_id_idx SET (fillfactor = 100);

-- Rows of conversations are updated with every event, and seldom in what an index is about: there is room in the page
-- for the next version of a row (fillfactor 80, from the beginning), and vacuum comes before a fifth of the rows is
-- dead.
ALTER TABLE conversation_sessions_v1 SET (
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);
-- Messages are mostly inserted. The few changes (feedback, corrections, turns of queued messages) find room in the
-- page.
ALTER TABLE conversation_messages_v1 SET (
    fillfactor = 95,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);
-- A few rows, one of which is updated with every page of events: the page has room for a chain of versions, which
-- every reader prunes, and vacuum comes by the count.
ALTER TABLE projection_checkpoints SET (
    fillfactor = 10,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0
);
-- Snapshots are large, compressed, and replaced.
ALTER TABLE conversation_snapshots SET (
    autovacuum_vacuum_scale_factor = 0.05,
    toast.autovacuum_vacuum_scale_factor = 0.05
);

-- Only events of more than 2 kB are compressed at all. lz4 takes a fraction of the time of pglz, for which every
-- appender would wait. A server that was built without it goes on with pglz.
DO $$
BEGIN
    ALTER TABLE stored_events ALTER COLUMN state SET COMPRESSION lz4;
    ALTER TABLE archived_events ALTER COLUMN state SET COMPRESSION lz4;
    ALTER TABLE conversation_snapshots ALTER COLUMN state SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4: large events and snapshots are compressed with pglz';
END $$;

DO $$
BEGIN
    GRANT SELECT, INSERT, UPDATE, DELETE ON conversation_snapshots TO turnlog_application;
    GRANT SELECT ON archived_events TO turnlog_application;
EXCEPTION WHEN undefined_object THEN
    NULL;
END $$;
