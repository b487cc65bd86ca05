"""Finding and loading methods."""
