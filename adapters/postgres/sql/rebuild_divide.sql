-- Binds: parts, looks (for each of them). Divides the conversations by their ids into parts of about as many
-- events each, as events at random positions tell.
WITH looked_at AS (
    SELECT e.originator_id AS id
    FROM generate_series(1, %(parts)s::int * %(looks)s::int) AS number
    CROSS JOIN LATERAL (
        SELECT originator_id FROM all_stored_events
        WHERE notification_id >= (SELECT (number * 0 + random() * max(notification_id))::bigint FROM stored_events)
        ORDER BY notification_id LIMIT 1) AS e
), ends AS (
    SELECT max(id::text)::uuid AS id
    FROM (SELECT id, ntile(%(parts)s::int) OVER (ORDER BY id) AS tile FROM looked_at) AS divided
    WHERE tile < %(parts)s::int
    GROUP BY tile
    UNION SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff'
)
INSERT INTO projection_rebuild_parts (rebuild_id, number, after_id, until_id, copied_id)
SELECT projection_rebuilds.id, row_number() OVER (ORDER BY ends.id),
       lag(ends.id, 1, '00000000-0000-0000-0000-000000000000') OVER (ORDER BY ends.id), ends.id,
       lag(ends.id, 1, '00000000-0000-0000-0000-000000000000') OVER (ORDER BY ends.id)
FROM ends, projection_rebuilds
