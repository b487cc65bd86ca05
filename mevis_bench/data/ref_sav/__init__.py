"""The Ref-SAV data set: facts, reader, fixture."""
