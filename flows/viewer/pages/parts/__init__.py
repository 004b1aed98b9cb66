"""What several pages read."""
