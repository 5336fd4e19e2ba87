-- message-db's own function: a stream for each connection, all in one category as one kind of entity is.
SELECT write_message(CAST(gen_random_uuid() AS varchar), CAST('conversation-' || CAST(:client_id AS int) AS varchar), CAST('UserMessageReceived' AS varchar), CAST(:state AS jsonb));
