-- The tables of the last swap, from where they stopped being live. No row: there are none.
WITH latest AS (
    SELECT max(position) AS position FROM projection_tables WHERE status = 'previous'
), taken AS (
    UPDATE projection_tables AS t SET status = 'building' FROM latest
    WHERE t.status = 'previous' AND t.position = latest.position
    RETURNING t.projection, t.version, t.position
)
INSERT INTO projection_rebuilds (projections, version, phase, until_position, total_events, is_rollback)
SELECT array_agg(projection ORDER BY projection DESC), min(version), 'catch_up', min(position), 0, true
FROM taken HAVING count(*) > 0
RETURNING until_position
