-- Binds nothing. The present one first.
SELECT epoch, started_at, reason FROM turnlog_epochs ORDER BY started_at DESC, epoch
