-- Of the table {messages}.
-- Binds: conversation.
DELETE FROM {messages} WHERE session_id = %s
