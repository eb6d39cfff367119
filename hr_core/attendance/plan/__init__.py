"""What a person's day should be: rosters, calendars, approved requests. Pure; no database."""
