-- Binds: tenant, conversation, below (exclusive), every: of the older ones, those at its multiples stay.
DELETE FROM conversation_snapshots
WHERE conversation_id = %(conversation)s::uuid AND tenant_id = %(tenant)s::uuid
    AND version < %(below)s AND version %% %(every)s <> 0
