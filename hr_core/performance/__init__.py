"""Performance: goals, tiers, shares, two-way scores and what grades lead to."""
