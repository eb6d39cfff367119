"""A person's time sheet: punches, schedules, absences and rules in, dated rows out."""
