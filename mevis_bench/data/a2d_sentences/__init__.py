"""The A2D-Sentences data set: facts, reader, fixture."""
