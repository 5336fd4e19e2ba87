-- $ conversation. The number of events moved.
SELECT turnlog_restore(%s::uuid)
