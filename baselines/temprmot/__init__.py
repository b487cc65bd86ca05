"""TempRMOT: see README.md."""
