"""A driver for the demo clock, as an example of a driver from outside Clockline."""
