-- Binds: name, conversation, tenant, version, position, reason, error.
INSERT INTO projection_dead_letters (checkpoint, conversation_id, tenant_id, version, position, reason, error)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (checkpoint, conversation_id) DO NOTHING
