"""TransRMOT: see README.md."""
