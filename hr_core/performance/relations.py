"""How a rater stands to the rated person."""

from typing import Literal

Relation = Literal["superior", "peer", "junior"]
