-- $ conversations uuid[]. The number of events moved.
SELECT turnlog_archive(%s::uuid[])
