"""What the gateway is doing, on one screen. Standard library only: this is the fast path."""
