-- Of the live table {live} and the table {made}, whose rows name their {conversation}. Binds: position. How many rows, of
-- conversations that began up to there, stand in one of the two alone.
WITH expected AS (
    SELECT row.* FROM {live} AS row
    WHERE EXISTS (
        SELECT FROM stored_events
        WHERE originator_id = row.{conversation} AND originator_version = 1 AND notification_id <= %s)
)
SELECT count(*) FROM (
    (TABLE expected EXCEPT ALL TABLE {made}) UNION ALL (TABLE {made} EXCEPT ALL TABLE expected)
) AS alone
