"""The ReasonVOS data set: facts, reader, fixture."""
