"""Sa2VA, in an environment of its own: its network is Python code that comes with the weights."""
