"""How an amount came about: kept with the amount, replayable on its own, walkable to raw bytes."""
