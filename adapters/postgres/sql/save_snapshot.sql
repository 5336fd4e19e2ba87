-- Binds: tenant, conversation, version, fingerprint, latest_at, state. One that is there may be damaged.
INSERT INTO conversation_snapshots (conversation_id, version, tenant_id, fingerprint, latest_at, state)
VALUES (%(conversation)s::uuid, %(version)s, %(tenant)s::uuid, %(fingerprint)s, %(latest_at)s, %(state)b)
ON CONFLICT (conversation_id, fingerprint, version) DO UPDATE
    SET latest_at = excluded.latest_at, state = excluded.state, created_at = excluded.created_at
