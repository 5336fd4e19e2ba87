-- Of the table {sessions}.
-- Binds: conversation.
DELETE FROM {sessions} WHERE id = %s
