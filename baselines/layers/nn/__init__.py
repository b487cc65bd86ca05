"""Network blocks with parameters that several methods share."""
