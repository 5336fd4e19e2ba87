-- The rebuild that is under way.
SELECT id::text, projections, version, phase, until_position, total_events, is_rollback, started_at,
       (SELECT coalesce(sum(copied_events), 0)::bigint FROM projection_rebuild_parts WHERE rebuild_id = id) AS copied_events
FROM projection_rebuilds
