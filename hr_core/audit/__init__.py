"""What can be proven about the stored events, and to whom."""
