-- Binds by name. What could not be asked for before and can be now is kept; nothing that is known is replaced.
UPDATE turnlog_epochs
SET system_identifier = coalesce(system_identifier, %(system_identifier)s), timeline = coalesce(timeline, %(timeline)s),
    database_oid = coalesce(database_oid, %(database_oid)s), table_oid = coalesce(table_oid, %(table_oid)s)
WHERE epoch = %(epoch)s
