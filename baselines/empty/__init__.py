"""Empty: says "no target" to everything."""
