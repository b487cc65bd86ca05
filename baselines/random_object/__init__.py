"""Random object: one that the class-agnostic extractor finds, whatever the text says."""
