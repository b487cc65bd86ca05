"""The Ref-DAVIS17 data set: both layouts, reader, fixture."""
