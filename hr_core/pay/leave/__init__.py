"""Pay for days on leave."""
