"""Training of the mini variant: one module per stage."""
