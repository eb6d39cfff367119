"""What the reply to an objection says of the payslip."""

from enum import StrEnum


class Verdict(StrEnum):
    ACCEPTED = "accepted"  # the slip is wrong: a correction follows as lines of its own
    REJECTED = "rejected"  # the slip is right; the reply says why
