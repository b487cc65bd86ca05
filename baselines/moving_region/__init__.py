"""Moving region: what moves against the background, whatever the text says."""
