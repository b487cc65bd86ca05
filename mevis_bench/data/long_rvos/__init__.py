"""The Long-RVOS data set: facts, reader, fixture."""
