"""How this gateway joins a core, and where it keeps who it is."""
