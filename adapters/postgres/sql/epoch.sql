SELECT epoch FROM turnlog_epochs ORDER BY started_at DESC, epoch LIMIT 1
