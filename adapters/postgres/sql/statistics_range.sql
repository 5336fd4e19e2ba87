-- Binds by name. Behind which position the range begins and with which it ends. Where that is more events than
-- max_events, the newest of them: they begin at `since`, and so does every event of that same moment.
WITH given AS MATERIALIZED (
    SELECT turnlog_position_before(%(since)s) AS low, turnlog_position_before(%(until)s) AS high
), cut AS MATERIALIZED (
    SELECT low, high, coalesce(first.recorded_at, %(until)s) AS since
    FROM given LEFT JOIN LATERAL (
        SELECT recorded_at FROM all_stored_events
        WHERE notification_id > high - %(max_events)s::bigint ORDER BY notification_id LIMIT 1) AS first ON true
    WHERE high - low > %(max_events)s::bigint
)
SELECT low, high, %(since)s::timestamptz AS since, true AS is_complete FROM given WHERE NOT EXISTS (SELECT FROM cut)
UNION ALL
SELECT greatest(low, turnlog_position_before(since)), high, greatest(since, %(since)s), false FROM cut
