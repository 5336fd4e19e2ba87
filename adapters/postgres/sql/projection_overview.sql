-- Binds: name. How far the rows are behind the events, by the clock of the database. Events are counted up to a million.
WITH at AS (
    SELECT coalesce(max(position), 0) AS position, max(updated_at) AS updated_at, max(heartbeat_at) AS heartbeat_at,
           coalesce(max(unknown_events), 0) AS unknown_events
    FROM projection_checkpoints WHERE name = %(name)s
)
SELECT at.position, (SELECT coalesce(max(notification_id), 0) FROM stored_events) AS head_position,
       (SELECT count(*) FROM (SELECT FROM all_stored_events WHERE notification_id > at.position LIMIT 1000000) AS behind)
           AS lag_events,
       coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - recorded_at))::float8 FROM all_stored_events
                 WHERE notification_id > at.position ORDER BY notification_id LIMIT 1), 0) AS lag_s,
       extract(epoch FROM clock_timestamp() - at.heartbeat_at)::float8 AS heartbeat_age_s,
       extract(epoch FROM clock_timestamp() - at.updated_at)::float8 AS progress_age_s,
       at.unknown_events,
       (SELECT jsonb_agg(jsonb_build_object('projection', projection, 'version', version, 'status', status)
                         ORDER BY projection DESC, version) FROM projection_tables) AS tables
FROM at
