-- Rows of the older messages' table as text with the id of their session, in the order of the code points of these ids,
-- then of their times, then of their own ids, where numbers go by their value. Those that name no session come under an
-- id of their user and day. In braces: names and expressions. Binds nothing.
SELECT turnlog_id, {names}
FROM (
    SELECT
        coalesce(
            {public_id},
            'no session, user ' || coalesce({user_id}, 'unknown') || ', ' || coalesce(left({time_text}, 10), 'no day')
        ) AS turnlog_id,
        {time} AS turnlog_time, {id} AS turnlog_number, {texts}
    FROM {messages} AS legacy {join}
) AS messages
ORDER BY turnlog_id COLLATE "C", turnlog_time, length(turnlog_number), turnlog_number COLLATE "C"
