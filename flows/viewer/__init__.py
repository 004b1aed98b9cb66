"""The pages of `redraft view`: everything in a store, in a browser or as static files."""
