-- Binds by name. It is the last that began, also where the clock was set back since the one before.
INSERT INTO turnlog_epochs (started_at, reason, system_identifier, timeline, database_oid, table_oid)
SELECT greatest(clock_timestamp(), max(started_at) + interval '1 microsecond'), %(reason)s,
       %(system_identifier)s, %(timeline)s, %(database_oid)s, %(table_oid)s
FROM turnlog_epochs
RETURNING epoch, started_at, reason
