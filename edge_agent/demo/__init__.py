"""`edge-agent demo`: the main job end to end on this machine, through real sockets."""
