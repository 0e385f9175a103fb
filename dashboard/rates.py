"""How many entries a second a producer may log over the network."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

PRODUCERS = 10_000  # remembered; one that is forgotten begins with a full bucket
BURST = 1_000  # entries at once: the most that one request can carry


class Rates:
    """A token bucket for each producer: *rate* entries a second for long, `BURST` at once.

    Used in the event loop's thread only.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # -> entries left, when

    def take(self, producer: str, entries: int) -> float:
        """Take some entries out of a producer's bucket; return 0, or the seconds until it has as many.

        Nothing is taken when it has not as many.
        """
        now = self._clock()
        left, since = self._buckets.pop(producer, (float(BURST), now))
        left = min(BURST, left + (now - since) * self._rate)
        enough = entries <= left
        self._buckets[producer] = (left - entries if enough else left, now)
        if len(self._buckets) > PRODUCERS:
            self._buckets.popitem(last=False)
        return 0.0 if enough else (entries - left) / self._rate
