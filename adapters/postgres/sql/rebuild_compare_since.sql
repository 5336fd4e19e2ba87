-- Of the tables {live} and {new}, whose rows name their {conversation}. Binds: position. The first conversation with a
-- later event whose rows differ.
WITH touched AS MATERIALIZED (
    SELECT DISTINCT originator_id AS id FROM stored_events WHERE notification_id > %s
), live AS (
    SELECT row.id AS key, touched.id, hash_record_extended(row, 0) AS hash
    FROM touched JOIN {live} AS row ON row.{conversation} = touched.id
), new AS (
    SELECT row.id AS key, touched.id, hash_record_extended(row, 0) AS hash
    FROM touched JOIN {new} AS row ON row.{conversation} = touched.id
)
SELECT min(id::text) FROM live FULL JOIN new USING (key, id) WHERE live.hash IS DISTINCT FROM new.hash
