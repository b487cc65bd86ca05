"""Mutated files against every reader and every command that takes files: ``make fuzz``."""
