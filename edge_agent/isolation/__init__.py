"""A driver in a process of its own, which may hang, leak or crash without the agent.

`messages` what goes over the socket pair, `child` the driver's side, `driver` ours.
"""
