"""The core's database: the engine, and the raw events that everything else is computed from."""
