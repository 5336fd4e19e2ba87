-- The event store: the only truth. Names and shape of the table are those of the `eventsourcing` library, so that its
-- own recorders, applications and subscriptions run on it.

CREATE TABLE stored_events (
    originator_id      uuid        NOT NULL,
    originator_version bigint      NOT NULL,
    topic              text        NOT NULL,
    state              bytea       NOT NULL,
    notification_id    bigserial   NOT NULL,
    tenant_id          uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    command_id         uuid,
    recorded_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (originator_id, originator_version)
);
COMMENT ON COLUMN stored_events.topic IS 'tag of the event and its schema version, such as listening_started.v1';
COMMENT ON COLUMN stored_events.state IS 'JSON: event_id, origin of the command, data of the event';
COMMENT ON COLUMN stored_events.notification_id IS 'position: visible in rising order, with holes';
COMMENT ON COLUMN stored_events.command_id IS 'on the first event of a command only';

CREATE UNIQUE INDEX stored_events_notification_id_idx ON stored_events (notification_id);
CREATE UNIQUE INDEX stored_events_command_id_idx ON stored_events (command_id, tenant_id) WHERE command_id IS NOT NULL;

CREATE FUNCTION turnlog_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'stored events are never changed: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER stored_events_are_immutable BEFORE UPDATE OR DELETE ON stored_events
    FOR EACH ROW EXECUTE FUNCTION turnlog_refuse_change();
CREATE TRIGGER stored_events_stay BEFORE TRUNCATE ON stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION turnlog_refuse_change();

-- One appender at a time over all processes, so that positions become visible in order. Whoever appends by other means
-- (the library's recorder) takes the same lock.
CREATE FUNCTION turnlog_append_lock() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 7261002::bigint';

-- The form for one event that nobody shares the flush with: its caller waits for the flush, not for arrays, sets and a
-- subtransaction. _position: null when the version before is not there; a conflict or a repeated command is an error.
CREATE FUNCTION turnlog_append_one(
    _conversation uuid, _version bigint, _topic text, _state bytea, _command uuid, _tenant uuid,
    OUT _position bigint, OUT _recorded_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7261002);
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE; -- queue behind a library appender before the first nextval
    _recorded_at := clock_timestamp();
    INSERT INTO stored_events (originator_id, originator_version, topic, state, command_id, tenant_id, recorded_at)
    SELECT _conversation, _version, _topic, _state, _command, _tenant, _recorded_at
    WHERE _version <= 1 OR _tenant = ( -- the primary key does not refuse holes
        SELECT e.tenant_id FROM stored_events e
        WHERE e.originator_id = _conversation AND e.originator_version = _version - 1)
    RETURNING notification_id INTO _position;
    NOTIFY stored_events;
END $$;

-- The fast form: all commands of a batch in one insert, or none of them.
-- One array element for each event. _command is set on the first event of a command and null on its others.
-- _position: of the last event, the others directly below it; null: a command cannot be appended, use
-- turnlog_append_each.
CREATE FUNCTION turnlog_append_batch(
    _conversation uuid[], _version bigint[], _topic text[], _state bytea[], _command uuid[], _tenant uuid[],
    OUT _position bigint, OUT _recorded_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7261002);
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE;
    _recorded_at := clock_timestamp();
    -- Holes are looked for by a scalar subquery, which can never become a join: a plan made while the table was small
    -- would go on reading all of it when it is large.
    IF EXISTS (
        SELECT 1 FROM unnest(_conversation, _version, _command, _tenant) AS u(conversation, version, command, tenant)
        WHERE command IS NOT NULL AND version > 1 AND (
            SELECT e.tenant_id FROM stored_events e
            WHERE e.originator_id = conversation AND e.originator_version = version - 1) IS DISTINCT FROM tenant
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

-- The exact form: an outcome for every command, where one that fails never fails its neighbours.
-- _number tells the commands of the batch apart. Of those for one conversation that fit, the first is appended.
-- outcome: appended | conflict | repeated. head: the version of the conversation now. last_position: of the command's
-- last event, the others directly below it.
CREATE FUNCTION turnlog_append_each(
    _number int[], _conversation uuid[], _version bigint[], _topic text[], _state bytea[], _command uuid[],
    _tenant uuid[]
) RETURNS TABLE (number int, outcome text, head bigint, last_position bigint, recorded_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    _recorded_at timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(7261002);
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE;
    _recorded_at := clock_timestamp();
    RETURN QUERY -- a new statement, so a new snapshot: the heads are exact
    WITH events AS MATERIALIZED (
        SELECT * FROM unnest(_number, _conversation, _version, _topic, _state, _command, _tenant)
            WITH ORDINALITY AS u(number, conversation, version, topic, state, command, tenant, ordinal)
    ), commands AS MATERIALIZED (
        SELECT number, conversation, min(version) AS first_version, max(version) AS last_version, count(*) AS size,
               (array_agg(command) FILTER (WHERE command IS NOT NULL))[1] AS command,
               (array_agg(tenant))[1] AS tenant
        FROM events GROUP BY number, conversation
    ), judged AS MATERIALIZED (
        SELECT commands.*, coalesce(last.version, 0) AS head,
               (SELECT e.notification_id FROM stored_events e
                WHERE e.command_id = commands.command AND e.tenant_id = commands.tenant) IS NOT NULL AS repeated,
               first_version = coalesce(last.version, 0) + 1 AND last_version = first_version + size - 1
                   AND coalesce(last.tenant = commands.tenant, true) AS fits
        FROM commands LEFT JOIN LATERAL (
            SELECT e.originator_version AS version, e.tenant_id AS tenant FROM stored_events e
            WHERE e.originator_id = conversation ORDER BY e.originator_version DESC LIMIT 1) last ON true
    ), chosen AS MATERIALIZED (
        SELECT number, conversation FROM (
            SELECT number, conversation,
                   row_number() OVER (PARTITION BY conversation ORDER BY number) AS conversation_rank,
                   row_number() OVER (PARTITION BY command, tenant ORDER BY number) AS command_rank
            FROM judged WHERE fits AND NOT repeated) ranked
        WHERE conversation_rank = 1 AND command_rank = 1
    ), inserted AS (
        INSERT INTO stored_events (originator_id, originator_version, topic, state, command_id, tenant_id, recorded_at)
        SELECT conversation, events.version, events.topic, events.state, events.command, events.tenant, _recorded_at
        FROM events JOIN chosen USING (number, conversation)
        ORDER BY ordinal
        RETURNING originator_id, originator_version, notification_id, command_id, tenant_id
    ), heads AS (
        SELECT originator_id AS conversation, max(originator_version) AS head, max(notification_id) AS last_position
        FROM inserted GROUP BY originator_id
    )
    SELECT judged.number,
           CASE WHEN chosen.number IS NOT NULL THEN 'appended'
                WHEN judged.repeated OR twin.command_id IS NOT NULL THEN 'repeated'
                ELSE 'conflict' END,
           coalesce(heads.head, judged.head),
           CASE WHEN chosen.number IS NOT NULL THEN heads.last_position END,
           _recorded_at
    FROM judged
    LEFT JOIN chosen ON chosen.number = judged.number
    LEFT JOIN heads ON heads.conversation = judged.conversation
    LEFT JOIN inserted twin ON twin.command_id = judged.command AND twin.tenant_id = judged.tenant
    ORDER BY judged.number;
    NOTIFY stored_events;
END $$;

-- The functions act as their owner. A caller's temporary table, with triggers of its own, must never take the place of
-- ours in them, and temporary objects come first unless they are named last.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION turnlog_append_one SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION turnlog_append_batch SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION turnlog_append_each SET search_path = %I, pg_temp', current_schema());
END $$;

-- The incarnation of the store: changes after a restore or an erasure, so that cursors of before are seen for what they
-- are. The last row counts.
CREATE TABLE turnlog_epochs (
    epoch      text        PRIMARY KEY DEFAULT substr(md5(gen_random_uuid()::text), 1, 12),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason     text        NOT NULL
);
INSERT INTO turnlog_epochs (reason) VALUES ('created');

-- Roles. The application appends through the functions alone. Where roles may not be made, the owner serves.
-- Roles belong to the server: another database may have made this one before, or in this very moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'turnlog_application') THEN
        CREATE ROLE turnlog_application NOLOGIN;
    END IF;
EXCEPTION
    WHEN unique_violation OR duplicate_object THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'the role turnlog_application cannot be made here: the service runs as %', current_user;
END $$;
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'turnlog_application', 'USAGE') THEN
        EXECUTE format('GRANT turnlog_application TO %I', current_user);
    END IF;
EXCEPTION
    WHEN undefined_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE '% cannot become turnlog_application: the service runs as %', current_user, current_user;
END $$;

REVOKE ALL ON FUNCTION turnlog_append_one, turnlog_append_batch, turnlog_append_each FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO turnlog_application', current_schema());
    GRANT SELECT ON stored_events, turnlog_epochs TO turnlog_application;
    GRANT EXECUTE ON FUNCTION turnlog_append_one, turnlog_append_batch, turnlog_append_each TO turnlog_application;
EXCEPTION WHEN undefined_object THEN
    NULL;
END $$;
