"""A rebuild of a store that is written and read all the while: no read may fail, and the rows must come out equal."""
