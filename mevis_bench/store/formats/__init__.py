"""One reader per prediction format."""
