-- Binds: name. The lock is the session's: it is given back when the connection ends, however it ends.
SELECT pg_try_advisory_lock(7261003, hashtext(%s))
