"""Whether a punch made on a phone was made at the site."""

from math import asin, cos, radians, sin, sqrt

from hr_core.attendance.rostered import Site

_EARTH_M = 6_371_009


def distance_m(site: Site, latitude: float, longitude: float) -> float:
    """Along the sphere: within 0.5 % of the true distance."""
    north = radians(latitude - site.latitude)
    east = radians(longitude - site.longitude)
    across = cos(radians(latitude)) * cos(radians(site.latitude))
    half = sin(north / 2) ** 2 + across * sin(east / 2) ** 2
    return 2 * _EARTH_M * asin(sqrt(half))
