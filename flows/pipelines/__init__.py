"""Pipelines that ship with redraft: from questions to a data set, as `redraft pipeline` runs them."""
