"""The core's HTTP side: what gateways and programs talk to."""
