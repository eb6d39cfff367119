"""`python -m edge_agent`: the same as the `edge-agent` command."""

import sys

from edge_agent.front_door import main

sys.exit(main())
