"""The pages, one per file: `read(reader, asked)` returns the values for the template of the same name."""
