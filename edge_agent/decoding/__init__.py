"""`edge-agent decode`: captured bytes through the product's own decoders, one JSON row a record."""

from edge_agent.decoding.kinds import KINDS
from edge_agent.decoding.run import decode_files
from edge_agent.decoding.summary import Summary

__all__ = ["KINDS", "Summary", "decode_files"]
