"""Where a punch on a phone was made: at a place of work, or outside of all."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from hr_core.attendance.geofence import distance_m
from hr_core.attendance.rostered import Site

# A phone that does not know where it is within this proves no presence, however near its guess.
WORST_ACCURACY_M = 200
# An open-cast mine is this large; a larger circle takes in where people live.
MAX_RADIUS_M = 20_000


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A circle around a place of work. Degrees as WGS 84 has them."""

    code: str
    name: str
    latitude: float
    longitude: float
    radius_m: float


class Whereabouts(NamedTuple):
    """`place` is the code of the one it was made at; None outside of all. `found` is for people."""

    place: str | None
    found: str


def locate(
    places: Iterable[Place], latitude: float, longitude: float, accuracy_m: float
) -> Whereabouts:
    """At the nearest place in whose circle it lies."""
    measured = sorted(
        (
            distance_m(Site(place.latitude, place.longitude, place.radius_m), latitude, longitude),
            place.code,
            place,
        )
        for place in places
    )
    if not measured:
        return Whereabouts(None, "no place of work is known")
    inside = [(distance, place) for distance, _, place in measured if distance <= place.radius_m]
    if not inside:
        distance, _, nearest = measured[0]
        return Whereabouts(
            None, f"{distance:.0f} m from {nearest.code} (allowed {nearest.radius_m:.0f} m)"
        )
    distance, at = inside[0]
    if accuracy_m > WORST_ACCURACY_M:
        return Whereabouts(
            None, f"{distance:.0f} m from {at.code}, but known to {accuracy_m:.0f} m only"
        )
    return Whereabouts(at.code, f"{distance:.0f} m from {at.code}")
