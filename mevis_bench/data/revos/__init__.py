"""The ReVOS data set: facts, reader, fixture."""
