-- How many rows there are. In braces: the table. Binds nothing.
SELECT count(*) FROM {table}
