-- Binds nothing. The present epoch, and where it lived when it was last looked at.
SELECT epoch, system_identifier, timeline, database_oid, table_oid
FROM turnlog_epochs ORDER BY started_at DESC, epoch LIMIT 1
