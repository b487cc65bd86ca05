"""mevis-bench: the benchmark harness for language-guided video understanding."""

__version__ = "0.1.0"
