-- Views to count by, and what tells one incarnation of the store from another.

-- Appends come in the order of time, so a few bytes for each megabyte are enough to find a range of time again.
CREATE INDEX stored_events_recorded_at_idx ON stored_events USING brin (recorded_at) WITH (autosummarize = on);
CREATE INDEX archived_events_recorded_at_idx ON archived_events USING brin (recorded_at) WITH (autosummarize = on);

-- Each turn is looked up by the primary key, so that a condition on user_message_at reaches the events of the users, and
-- little else is read. A window over whole conversations would keep it from them: all would have to be read first.
CREATE VIEW turn_latencies AS
SELECT received.tenant_id,
       received.originator_id AS conversation_id,
       -- Found by its name, which no text can imitate, for quotes in texts are escaped. A parser, or a conversion to text,
       -- would fail for the whole range where one event holds what it does not like.
       substring(encode(received.state, 'escape') FROM '"turn":([0-9]+)')::integer AS turn,
       received.notification_id AS position,
       received.recorded_at AS user_message_at,
       answer.started_at AS answer_started_at,
       answer.ended_at AS answer_ended_at,
       answer.outcome,
       CASE WHEN answer.started_at IS NOT NULL THEN
           greatest(0, extract(epoch FROM answer.started_at - received.recorded_at) * 1000)::double precision
       END AS answer_start_ms,
       CASE WHEN answer.ended_at IS NOT NULL THEN
           greatest(0, extract(epoch FROM answer.ended_at - received.recorded_at) * 1000)::double precision
       END AS answer_end_ms
FROM all_stored_events AS received
LEFT JOIN LATERAL (
    SELECT later.originator_version AS version
    FROM all_stored_events AS later
    WHERE later.originator_id = received.originator_id AND later.originator_version > received.originator_version
      AND split_part(later.topic, '.', 1) = 'user_message_received'
    ORDER BY later.originator_version
    LIMIT 1
) AS next_turn ON true
CROSS JOIN LATERAL (
    SELECT coalesce((array_agg(step.recorded_at ORDER BY step.version) FILTER (WHERE step.tag = 'response_started'))[1],
                    (array_agg(step.recorded_at ORDER BY step.version) FILTER (WHERE step.tag = 'response_completed'))[1]
           ) AS started_at,
           (array_agg(step.outcome ORDER BY step.version DESC))[1] AS outcome,
           (array_agg(CASE WHEN step.outcome IS NOT NULL THEN step.recorded_at END ORDER BY step.version DESC))[1]
               AS ended_at
    FROM (
        SELECT event.version, event.recorded_at, event.tag,
               lag(event.tag) OVER (ORDER BY event.version) AS tag_before,
               CASE event.tag WHEN 'response_completed' THEN 'answered' WHEN 'response_interrupted' THEN 'interrupted'
                              WHEN 'response_cancelled' THEN 'cancelled' WHEN 'turn_failed' THEN 'failed' END AS outcome
        FROM (
            SELECT originator_version AS version, recorded_at, split_part(topic, '.', 1) AS tag
            FROM all_stored_events
            WHERE originator_id = received.originator_id AND originator_version > received.originator_version
              AND originator_version < coalesce(next_turn.version, 9223372036854775807)
        ) AS event
        WHERE event.tag IN ('response_started', 'response_completed', 'response_interrupted', 'response_cancelled',
                            'speech_resumed', 'turn_failed', 'turn_retried')
    ) AS step
    -- What fails while the user speaks again is not this turn: the agent has it at its beginning and after these.
    WHERE step.tag <> 'turn_failed' OR step.tag_before IS NULL
       OR step.tag_before IN ('response_started', 'speech_resumed', 'turn_retried')
) AS answer
WHERE split_part(received.topic, '.', 1) = 'user_message_received';
COMMENT ON VIEW turn_latencies IS
    'one row for each turn; its times are recorded_at, the one clock that all processes share';
COMMENT ON COLUMN turn_latencies.position IS 'of the event with the user''s message';
COMMENT ON COLUMN turn_latencies.answer_started_at IS 'the first start of an answer, or its end where none was recorded';
COMMENT ON COLUMN turn_latencies.answer_ended_at IS 'when the outcome came; null while the agent has the turn';
COMMENT ON COLUMN turn_latencies.outcome IS 'answered, interrupted, cancelled or failed; null while the agent has the turn';
COMMENT ON COLUMN turn_latencies.answer_start_ms IS 'from the user''s message; never negative though clocks may jump';
COMMENT ON COLUMN turn_latencies.answer_end_ms IS 'from the user''s message; never negative though clocks may jump';

CREATE INDEX conversation_sessions_v1_started_day_idx ON conversation_sessions_v1
    (((started_at AT TIME ZONE 'UTC')::date));
CREATE INDEX conversation_sessions_v1_ended_day_idx ON conversation_sessions_v1
    (((ended_at AT TIME ZONE 'UTC')::date)) WHERE ended_at IS NOT NULL;

CREATE VIEW conversation_statistics AS
SELECT tenant_id, day,
       count(*) FILTER (WHERE is_start)::integer AS sessions_started,
       count(*) FILTER (WHERE NOT is_start)::integer AS sessions_ended,
       avg(duration_seconds) AS average_duration_seconds,
       avg(message_count)::double precision AS messages_per_session,
       avg(turn_count)::double precision AS turns_per_session
FROM (
    SELECT tenant_id, (started_at AT TIME ZONE 'UTC')::date AS day, true AS is_start,
           NULL::double precision AS duration_seconds, NULL::integer AS message_count, NULL::integer AS turn_count
    FROM conversation_sessions
    UNION ALL
    SELECT tenant_id, (ended_at AT TIME ZONE 'UTC')::date, false, duration_seconds, message_count, turn_count
    FROM conversation_sessions WHERE ended_at IS NOT NULL
) AS happened
GROUP BY tenant_id, day;
COMMENT ON VIEW conversation_statistics IS
    'one row for each tenant and day of UTC; averages are of the sessions that ended on the day';

-- A time from which on there are at most so many events before _until, and more than half as many where it can be told
-- to the second; _since where there are no more than that at all. Found by halving, so that it reads a small multiple of
-- _max_events in a store of any size.
CREATE FUNCTION turnlog_countable_since(_since timestamptz, _until timestamptz, _max_events bigint)
RETURNS timestamptz LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
    _low timestamptz := _since;
    _high timestamptz := _until;
    _middle timestamptz := _since;
    _found bigint;
BEGIN
    LOOP
        SELECT count(*) INTO _found FROM (
            SELECT FROM all_stored_events
            WHERE recorded_at >= _middle AND recorded_at < _until LIMIT _max_events + 1) AS found;
        IF _found > _max_events THEN
            _low := _middle;
        ELSE
            _high := _middle;
            EXIT WHEN _middle = _since OR _found > _max_events / 2;
        END IF;
        EXIT WHEN _high - _low <= interval '1 second';
        _middle := _low + (_high - _low) / 2;
    END LOOP;
    RETURN _high;
END $$;

-- Where the epoch lived: a store that wakes up elsewhere, or on another branch of its history, begins a new one.
ALTER TABLE turnlog_epochs
    ADD COLUMN system_identifier text,
    ADD COLUMN timeline          text,
    ADD COLUMN database_oid      oid,
    ADD COLUMN table_oid         oid;
COMMENT ON TABLE turnlog_epochs IS 'the incarnations of the store: the last that began is the present one';
COMMENT ON COLUMN turnlog_epochs.system_identifier IS 'of the server''s files: another one after a dump was restored';
COMMENT ON COLUMN turnlog_epochs.timeline IS 'of the server''s log: another one after a recovery or a promotion';
COMMENT ON COLUMN turnlog_epochs.database_oid IS 'of the database: another one after it was made again';
COMMENT ON COLUMN turnlog_epochs.table_oid IS 'of stored_events: another one after the table was restored';

DO $$
BEGIN
    GRANT SELECT ON turn_latencies, conversation_statistics TO turnlog_application;
    GRANT EXECUTE ON FUNCTION turnlog_countable_since TO turnlog_application;
EXCEPTION WHEN undefined_object THEN
    NULL;
END $$;
