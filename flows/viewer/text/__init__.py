"""Formats texts for pages: formulas, differences, numbers."""
