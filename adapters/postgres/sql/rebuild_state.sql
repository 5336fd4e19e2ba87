-- The rebuild that is under way.
SELECT projections, version, phase, until_position, copied_id::text, copied_events, total_events, is_rollback, started_at
FROM projection_rebuilds
