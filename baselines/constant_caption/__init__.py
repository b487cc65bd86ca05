"""One sentence for every target (RMEG)."""
