-- Binds: count. The conversations of events at random positions.
SELECT DISTINCT (
    SELECT originator_id::text FROM all_stored_events WHERE notification_id >= place ORDER BY notification_id LIMIT 1)
FROM (SELECT (random() * (SELECT max(notification_id) FROM stored_events))::bigint AS place
      FROM generate_series(1, %s)) AS places
WHERE place IS NOT NULL
