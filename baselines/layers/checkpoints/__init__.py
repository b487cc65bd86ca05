"""Reading of published checkpoints."""
