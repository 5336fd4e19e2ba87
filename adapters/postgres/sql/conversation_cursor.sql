-- Binds: tenant_id, id. Where the row stands in the order of lists; its place never changes.
SELECT started_at FROM conversation_sessions WHERE tenant_id = %(tenant_id)s AND id = %(id)s
