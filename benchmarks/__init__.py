"""Every figure that the README or the docs quote: ours, the naive way and the limit, measured in one run."""
