"""Law as dated data: each row says since when it holds, how far to trust it, and its source."""
