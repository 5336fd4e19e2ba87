-- What the store and the live read tables take on disk: each table with what it keeps beside itself, each index.
SELECT regexp_replace(relname, '_v\d+', '') AS name, bytes
FROM (
    SELECT 'stored_events'::regclass AS relation
    UNION ALL
    SELECT format('conversation_%s_v%s', projection, version)::regclass FROM projection_tables WHERE status = 'live'
) AS measured
CROSS JOIN LATERAL (
    SELECT relname, pg_table_size(oid) AS bytes, 0 AS place FROM pg_class WHERE oid = relation
    UNION ALL
    SELECT relname, pg_relation_size(oid), 1 FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = relation
) AS part
ORDER BY relation::text DESC, place, relname
