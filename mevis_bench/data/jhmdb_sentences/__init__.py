"""The JHMDB-Sentences data set: facts, reader, fixture."""
