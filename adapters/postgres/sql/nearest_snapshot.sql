-- Binds: tenant, conversation, fingerprint, until (inclusive), latest_at (inclusive; null: at any time).
SELECT state FROM conversation_snapshots
WHERE conversation_id = %(conversation)s::uuid AND tenant_id = %(tenant)s::uuid AND fingerprint = %(fingerprint)s
    AND version <= %(until)s AND (%(latest_at)s::timestamptz IS NULL OR latest_at <= %(latest_at)s::timestamptz)
ORDER BY version DESC
LIMIT 1
