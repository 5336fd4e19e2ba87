"""What an operator does with the database: rebuild, verify, archive, take over and out."""
