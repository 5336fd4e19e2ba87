-- Rows of the older sessions' table as text, in the order of the code points of their ids; rows with the same id in the
-- order of their starts. In braces: names and expressions. Binds nothing.
SELECT turnlog_id, {names}
FROM (
    SELECT {public_id} AS turnlog_id, {start} AS turnlog_start, md5(legacy::text) AS turnlog_row, {texts}
    FROM {sessions} AS legacy
) AS sessions
ORDER BY turnlog_id COLLATE "C", turnlog_start, turnlog_row
