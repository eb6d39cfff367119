"""Piece pay: prices, quantities, group results, and the lines that they make."""
