"""Known-answer cases (hrcase/1) run against the engines: what `hr-core cases run` does."""
