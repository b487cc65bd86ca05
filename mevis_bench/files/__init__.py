"""Reading and writing of files: safe names, strict JSON and YAML, atomic writes, one interface to folders and zips."""
