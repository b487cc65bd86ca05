"""Empty: predicts "no target" for everything."""
