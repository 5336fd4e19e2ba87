-- Binds: tenant, conversation.
DELETE FROM conversation_snapshots WHERE conversation_id = %(conversation)s::uuid AND tenant_id = %(tenant)s::uuid
