"""Stand-in for LMPM++ that two CPU cores can train: small networks, and tracks in place of single-frame objects."""
