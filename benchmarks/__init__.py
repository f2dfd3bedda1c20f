"""Every figure that the README or the docs quote, beside the naive way and the limit of the same run."""
