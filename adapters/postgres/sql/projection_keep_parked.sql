-- Binds: version, position, reason, error, name, conversation.
UPDATE projection_dead_letters
SET version = %s, position = %s, reason = %s, error = %s, attempts = attempts + 1, last_tried_at = clock_timestamp()
WHERE checkpoint = %s AND conversation_id = %s
