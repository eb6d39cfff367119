"""Who may use the core: accounts, their passwords, sessions of pages and tokens of programs."""
