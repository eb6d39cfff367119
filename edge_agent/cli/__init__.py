"""The whole command line, on typer. Commands import what they need when they run."""
