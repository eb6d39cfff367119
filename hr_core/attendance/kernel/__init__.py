"""The month of everybody at once, in arrays; the same answer as attendance.day and .month."""
