"""A vision-language model that points at what a sentence refers to."""
