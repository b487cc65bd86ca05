"""The four tasks: what goes in, what comes out, how it is scored."""
