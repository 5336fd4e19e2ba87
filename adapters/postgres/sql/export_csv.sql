-- {columns} {table} {order}, {conversation} and {time}: the columns that the filters are about; the rest are values, of
-- which a null matches everything. COPY takes no parameters.
COPY (
    SELECT {columns} FROM {table}
    WHERE ({conversations}::uuid[] IS NULL OR {conversation} = ANY({conversations}::uuid[]))
      AND ({tenant}::uuid IS NULL OR tenant_id = {tenant}::uuid)
      AND ({user}::text IS NULL OR user_id = {user}::text)
      AND ({since}::timestamptz IS NULL OR {time} >= {since}::timestamptz)
      AND ({until}::timestamptz IS NULL OR {time} < {until}::timestamptz)
    ORDER BY {order}
) TO STDOUT (FORMAT csv, HEADER true)
