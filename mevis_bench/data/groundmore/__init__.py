"""The GroundMoRe data set: facts, reader, fixture."""
