"""Every object: all that the class-agnostic extractor finds, whatever the text says."""
