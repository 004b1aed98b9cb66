"""The pipelines that ship with redraft, as TOML files for `redraft pipeline`. A pipeline makes a dataset from
questions."""
