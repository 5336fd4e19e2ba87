-- Binds: name.
SELECT tenant_id::text, conversation_id::text, version, position, reason, error, since, attempts, last_tried_at
FROM projection_dead_letters
WHERE checkpoint = %s
ORDER BY since, conversation_id
