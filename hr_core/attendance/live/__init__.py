"""The day as a view: recomputed from what is stored whenever something that it is made of changes."""
