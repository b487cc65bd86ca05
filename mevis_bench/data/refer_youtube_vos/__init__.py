"""The Refer-YouTube-VOS data set: layout, reader, fixture."""
