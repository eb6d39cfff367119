"""Two results beside each other: person x line x before x after x cause. Pure functions."""
