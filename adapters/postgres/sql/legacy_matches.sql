-- How many messages find their session by one of the session's columns. In braces: names. Binds nothing.
SELECT count(*)
FROM {messages} AS message
WHERE EXISTS (SELECT FROM {sessions} AS session WHERE session.{session_column}::text = message.{message_column}::text)
