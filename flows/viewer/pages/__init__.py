"""The pages, a file each: `read(reader, asked)` returns what the template of the same name shows."""
