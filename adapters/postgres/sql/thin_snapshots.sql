-- Binds: tenant, conversation, fingerprint, below (exclusive), every: of the older ones, those at its multiples stay.
-- Those of other code stay for a week, in which releases may be mixed, or the last one be taken back.
DELETE FROM conversation_snapshots
WHERE conversation_id = %(conversation)s::uuid AND tenant_id = %(tenant)s::uuid
    AND CASE WHEN fingerprint = %(fingerprint)s THEN version < %(below)s AND version %% %(every)s <> 0
             ELSE created_at < clock_timestamp() - interval '7 days' END
