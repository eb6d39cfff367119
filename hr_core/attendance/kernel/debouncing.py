"""The last punch of each day that is no second press of an earlier one."""

import numpy as np

from hr_core.attendance.kernel.packing import Keys, Packing
from hr_core.attendance.kernel.tables import Int64s


def last_kept(
    keys: Keys, starts: Int64s, ends: Int64s, packing: Packing, debounce_s: int
) -> Int64s:
    """Positions among `starts` to `ends`, both included.

    A press is a repeat when it follows the last kept one too soon, so a long series of presses can
    keep some in its middle. A press after a pause is kept whatever was before it: only the presses
    since the last pause of a day need to be followed, and most days end with a lone one.
    """
    found = ends.copy()
    seconds = packing.at(keys[ends]) - packing.at(keys[np.maximum(ends - 1, 0)])
    (hurried,) = np.nonzero((starts < ends) & (seconds < debounce_s))
    if len(hurried):
        series = _Series(keys, packing, debounce_s)
        head = series.heads(starts[hurried], ends[hurried])
        found[hurried] = series.follow(head, ends[hurried])
    return found


class _Series:
    def __init__(self, keys: Keys, packing: Packing, debounce_s: int) -> None:
        self._keys, self._packing, self._debounce_s = keys, packing, debounce_s

    def _too_soon(
        self, position: Int64s, after: Int64s
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        at = self._packing.at
        gap = at(self._keys[position]) - at(self._keys[after])
        return gap < self._debounce_s

    def heads(self, starts: Int64s, ends: Int64s) -> Int64s:
        """Back to the press that came after a pause, or first."""
        head = ends - 1
        going = np.arange(len(head))
        while len(going):
            going = going[head[going] > starts[going]]
            going = going[self._too_soon(head[going], head[going] - 1)]
            head[going] -= 1
        return head

    def follow(self, heads: Int64s, ends: Int64s) -> Int64s:
        """Forward from a kept press, keeping each that comes late enough after the last kept."""
        kept, position = heads.copy(), heads.copy()
        going = np.arange(len(kept))
        while len(going):
            position[going] += 1
            far = going[~self._too_soon(position[going], kept[going])]
            kept[far] = position[far]
            going = going[position[going] < ends[going]]
        return kept
