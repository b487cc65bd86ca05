"""Every stored format, defined once as frozen dataclasses; decoding with errors that name file and field."""
