"""Reading and writing of files: safe names, strict JSON, atomic writes, folders and zips seen alike."""
