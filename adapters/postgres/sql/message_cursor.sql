-- Binds: tenant_id, session_id, id. Where the row stands in the order of lists; its place never changes.
SELECT version FROM conversation_messages
WHERE session_id = %(session_id)s AND id = %(id)s AND tenant_id = %(tenant_id)s
