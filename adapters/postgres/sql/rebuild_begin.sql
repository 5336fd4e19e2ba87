-- Binds: projections, name of the live checkpoint. Refuses while another is under way, by the primary key.
WITH live AS (
    SELECT least(position, (SELECT coalesce(max(notification_id), 0) FROM stored_events)) AS position
    FROM projection_checkpoints WHERE name = %(checkpoint)s
)
INSERT INTO projection_rebuilds (projections, version, phase, until_position, total_events)
SELECT %(projections)s, (SELECT max(version) + 1 FROM projection_tables), 'copy', live.position,
       (SELECT count(*) FROM all_stored_events WHERE notification_id <= live.position)
FROM live
RETURNING version, total_events
