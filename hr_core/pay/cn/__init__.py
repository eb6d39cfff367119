"""Pay by Chinese law as pure functions over values: fen in, fen and a trace out."""
