-- Binds: tenant.
DELETE FROM conversation_snapshots WHERE tenant_id = %(tenant)s::uuid
