"""Ways of building the two read tables from the events that are stored, and what shows that they are the same."""
