-- Binds by name: the range, and how many events may be looked through. Gives where the range then begins.
SELECT turnlog_countable_since(%(since)s, %(until)s, %(max_events)s) AS since
