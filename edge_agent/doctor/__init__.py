"""`edge-agent doctor`: looks at everything the gateway stands on and says what to do."""
