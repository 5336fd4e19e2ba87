"""Side-by-side benchmarks: every figure is a ratio to a peer measured in the same run."""
