-- $ the name of a view or table
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = %s::text::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
