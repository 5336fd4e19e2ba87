"""Building the read tables anew beside the live ones, while both are read and written."""
