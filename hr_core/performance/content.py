"""What a locked score rests on, whole: the score follows from it again without any other table."""

from fractions import Fraction

import msgspec
from msgspec import Struct

from hr_core.performance.score_rules import Combination
from hr_core.performance.two_way import Marks, Weighted, combined, post_score, whole


class MarkedIndicator(Struct, frozen=True, kw_only=True):
    """Exact text. `reviewed`: what a review of an appeal put in the place of both sides' marks."""

    code: str
    weight_percent: str
    first: str | None
    own: str | None
    manager: str | None
    reason: str | None
    reviewed: str | None = None

    def final(self, rule: Combination) -> Fraction:
        if self.reviewed is not None:
            return Fraction(self.reviewed)
        parts = (None if one is None else Fraction(one) for one in self._parts)
        return combined(Marks(*parts), rule)

    @property
    def _parts(self) -> tuple[str | None, str | None, str | None]:
        return (self.first, self.own, self.manager)


class PostPart(Struct, frozen=True, kw_only=True):
    """One post of the person."""

    assessment: int
    post: str
    share_percent: str
    rater: str
    goals_version: int | None
    indicators: tuple[MarkedIndicator, ...]

    def score(self, rule: Combination) -> Fraction:
        parts = [Weighted(Fraction(o.weight_percent), o.final(rule)) for o in self.indicators]
        return whole(parts, f"assessment {self.assessment}")


class GradeEvidence(Struct, frozen=True, kw_only=True):
    """`pieces`, `rejects` where the defect rate grades; `reason` in words."""

    basis: str
    reason: str
    pieces: int | None = None
    rejects: int | None = None
    version: str = ""


class Content(Struct, frozen=True, kw_only=True):
    """`combination`: percent of first, own, manager, as text."""

    rules: str
    combination: tuple[str, str, str]
    posts: tuple[PostPart, ...]
    grading: GradeEvidence
    appeal: int | None = None

    def score(self) -> Fraction:
        """The person's, from all posts."""
        first, own, manager = map(Fraction, self.combination)
        rule = Combination(first, own, manager)
        return post_score(
            {
                one.post or str(one.assessment): Weighted(
                    Fraction(one.share_percent), one.score(rule)
                )
                for one in self.posts
            }
        )

    @property
    def raters(self) -> frozenset[str]:
        return frozenset(one.rater for one in self.posts)


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Content)


def content_text(content: Content) -> str:
    return _encoder.encode(content).decode()


def content_of(text: str) -> Content:
    return _decoder.decode(text)
