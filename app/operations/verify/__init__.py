"""Proving that the read tables say what the events say."""
