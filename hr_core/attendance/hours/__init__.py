"""Hours as the law looks at them: limits, permits, periods, which overtime counts. Pure but `outlook`."""
