-- Events of another database, taken over byte for byte. For operators alone: what the application stores has been
-- decided here, and its role may not run this.

-- One array element for each event, in the order in which they shall be stored; those of a command side by side.
-- Each conversation is taken or left as a whole: one with a fault gets nothing of this call, the others go on.
-- fault: null, or why the conversation is left alone, with `version` as the first culprit:
--   different  the version is there with another content
--   hole       the version before it is not there
--   tenant     the conversation is another tenant's
--   command    its command id made something else here
-- The first version is 1; applications of the eventsourcing library may begin at 0.
-- added and present: its events that were stored now, and those that were there already.
CREATE FUNCTION turnlog_import_events(
    _conversation uuid[], _version bigint[], _topic text[], _state bytea[], _command uuid[], _tenant uuid[],
    _recorded_at timestamptz[]
) RETURNS TABLE (conversation uuid, fault text, version bigint, added bigint, present bigint)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock(turnlog_append_lock());
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE; -- queue behind a library appender before the first nextval
    RETURN QUERY -- a new statement, so a new snapshot: it sees all that is stored
    WITH events AS MATERIALIZED (
        SELECT u.*, (
            SELECT s.topic = u.topic AND s.state = u.state AND s.tenant_id = u.tenant
                AND s.recorded_at = u.recorded_at AND s.command_id IS NOT DISTINCT FROM u.command
            FROM all_stored_events s
            WHERE s.originator_id = u.conversation AND s.originator_version = u.version) AS is_equal
        FROM unnest(_conversation, _version, _topic, _state, _command, _tenant, _recorded_at)
            WITH ORDINALITY AS u(conversation, version, topic, state, command, tenant, recorded_at, ordinal)
    ), heads AS MATERIALIZED (
        SELECT conversation, present, coalesce(last.version, least(first_version, 1) - 1) AS head, last.tenant
        FROM (
            SELECT conversation, count(*) FILTER (WHERE is_equal) AS present, min(version) AS first_version
            FROM events GROUP BY conversation
        ) AS c LEFT JOIN LATERAL (
            SELECT s.originator_version AS version, s.tenant_id AS tenant FROM all_stored_events s
            WHERE s.originator_id = c.conversation ORDER BY s.originator_version DESC LIMIT 1) last ON true
    ), fresh AS MATERIALIZED (
        SELECT events.conversation, events.version, events.command, events.tenant, ordinal,
               head + row_number() OVER (PARTITION BY events.conversation ORDER BY ordinal) AS next_version,
               coalesce(heads.tenant, first_value(events.tenant) OVER (
                   PARTITION BY events.conversation ORDER BY ordinal)) AS tenant_there,
               command IS NOT NULL AND row_number() OVER (PARTITION BY command, events.tenant ORDER BY ordinal) > 1
                   AS is_command_twice
        FROM events JOIN heads USING (conversation)
        WHERE is_equal IS NULL
    ), faults AS MATERIALIZED (
        SELECT conversation, version, 'different' AS fault, ordinal FROM events WHERE NOT is_equal
        UNION ALL
        SELECT conversation, version,
               CASE WHEN version <> next_version THEN 'hole'
                    WHEN tenant <> tenant_there THEN 'tenant'
                    ELSE 'command' END, ordinal
        FROM fresh
        WHERE version <> next_version OR tenant <> tenant_there OR is_command_twice OR (
            SELECT s.originator_version FROM all_stored_events s
            WHERE s.command_id = fresh.command AND s.tenant_id = fresh.tenant LIMIT 1) IS NOT NULL
    ), first_faults AS MATERIALIZED (
        SELECT DISTINCT ON (conversation) conversation, version, fault FROM faults ORDER BY conversation, ordinal
    ), inserted AS (
        INSERT INTO stored_events (originator_id, originator_version, topic, state, command_id, tenant_id, recorded_at)
        SELECT conversation, version, topic, state, command, tenant, recorded_at
        FROM events
        WHERE is_equal IS NULL AND conversation NOT IN (SELECT first_faults.conversation FROM first_faults)
        ORDER BY ordinal
        RETURNING originator_id
    ), counts AS (
        SELECT originator_id AS conversation, count(*) AS added FROM inserted GROUP BY originator_id
    )
    SELECT heads.conversation, first_faults.fault, first_faults.version, coalesce(counts.added, 0), present
    FROM heads LEFT JOIN first_faults USING (conversation) LEFT JOIN counts USING (conversation);
    NOTIFY stored_events;
END $$;

-- As with the functions that append: nobody's temporary table takes the place of ours.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION turnlog_import_events SET search_path = %I, pg_temp', current_schema());
END $$;

REVOKE ALL ON FUNCTION turnlog_import_events FROM PUBLIC;
