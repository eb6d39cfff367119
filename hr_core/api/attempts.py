"""How many refused attempts one address may make. Bounded memory, whatever the number of addresses."""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

# A site of fifty gateways behind one address joins without waiting; a guesser gets 30 a minute.
BURST = 30
PER_SECOND = 0.5
# About 200 kB. Who comes when all are taken shares one account with the others who do.
MAX_SOURCES = 1_024
_OTHERS = "others"
_IPV6_SITE_BITS = 64  # one customer has all the addresses below


class _Account(Struct):
    credit: float
    since_s: float
    told: bool = False


class Attempts:
    """Accounts of attempts. `monotonic` gives seconds that only grow."""

    def __init__(
        self, monotonic: Callable[[], float], *, burst: int = BURST, per_second: float = PER_SECOND
    ) -> None:
        self._monotonic = monotonic
        self._burst = burst
        self._per_second = per_second
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def wait_s(self, source: str) -> int:
        """Charges one attempt; 0 when it may be made, else seconds until the next one may."""
        account = self._account(_site(source))
        if account.credit >= 1:
            account.credit -= 1
            account.told = False
            return 0
        return int((1 - account.credit) / self._per_second) + 1

    def give_back(self, source: str) -> None:
        """The attempt was a good one."""
        account = self._account(_site(source))
        account.credit = min(account.credit + 1, self._burst)

    def first_refusal(self, source: str) -> bool:
        """True once for each time that an address has used up its attempts."""
        account = self._account(_site(source))
        first, account.told = not account.told, True
        return first

    def __len__(self) -> int:
        return len(self._accounts)

    def _account(self, site: str) -> _Account:
        now = self._monotonic()
        if site not in self._accounts and len(self._accounts) >= MAX_SOURCES:
            self._drop_idle(now)
            if len(self._accounts) >= MAX_SOURCES:
                site = _OTHERS
        account = self._accounts.setdefault(site, _Account(self._burst, now))
        self._accounts.move_to_end(site)
        earned = (now - account.since_s) * self._per_second
        account.credit = min(account.credit + earned, self._burst)
        account.since_s = now
        return account

    def _drop_idle(self, now: float) -> None:
        """Accounts that are full again by now say nothing; the longest unused ones come first."""
        full_after_s = self._burst / self._per_second
        while self._accounts:
            site, account = next(iter(self._accounts.items()))
            if now - account.since_s < full_after_s:
                return
            del self._accounts[site]


def _site(source: str) -> str:
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(int(address) >> _IPV6_SITE_BITS)
    return str(address)
