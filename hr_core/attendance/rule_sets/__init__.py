"""Rule sets of attendance as dated data: their shape, how a file is read and what is refused."""
