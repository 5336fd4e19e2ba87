-- How values are written as text, until the end of the transaction; and that the reading takes as long as the import.
-- In the transaction, because a pooler hands the connection on behind it. Binds nothing.
SELECT
    set_config('timezone', 'UTC', true),
    set_config('datestyle', 'ISO, YMD', true),
    set_config('intervalstyle', 'postgres', true),
    set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true)
