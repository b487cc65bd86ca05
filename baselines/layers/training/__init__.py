"""The training loop, its options, and losses that several methods share."""
