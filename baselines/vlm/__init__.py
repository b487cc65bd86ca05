"""Vision-language models that describe marked objects."""
