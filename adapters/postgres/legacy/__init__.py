"""The databases that Turnlog replaces: read where they are, or from a dump that is laid into temporary tables."""
