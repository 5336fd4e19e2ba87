"""What every client of `conv.v1` does: read frames, follow their chain, come back when a connection is lost."""
