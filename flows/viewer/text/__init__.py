"""How texts are shown: formulas, differences, numbers."""
