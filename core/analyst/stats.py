"""Statistics of short series: pure functions over numpy arrays, robust rather than fine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Series = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trend:
    """A monotonic trend: the slope per step, the value where it begins, and how likely it is chance."""

    slope: float
    start: float
    p: float


@dataclass(frozen=True)
class Shift:
    """A change of level: where it begins, the means before and after, the variance it explains."""

    place: int
    before: float
    after: float
    explains: float


def trend(series: Series) -> Trend:
    """Return the Theil-Sen line and the p-value of the Mann-Kendall test.

    Source: Kendall, Rank Correlation Methods, 1975 (normal approximation, without ties).
    """
    import numpy as np

    number = len(series)
    first, second = np.triu_indices(number, 1)
    rises = series[second] - series[first]
    slope = float(np.median(rises / (second - first)))
    start = float(np.median(series - slope * np.arange(number)))
    score = float(np.sign(rises).sum())
    deviation = math.sqrt(number * (number - 1) * (2 * number + 5) / 18)
    return Trend(slope, start, two_sided((abs(score) - 1) / deviation if score else 0.0))


def two_sided(z: float) -> float:
    """Return the probability of a standard normal deviate at least so far from 0."""
    return math.erfc(abs(z) / math.sqrt(2))


def shift(series: Series, margin: int = 4) -> Shift | None:
    """Return the split into two levels that explains most; None when the series is too short or flat."""
    import numpy as np

    number = len(series)
    total = float(((series - series.mean()) ** 2).sum())
    if number < 2 * margin or total <= 0:
        return None

    def unexplained(place: int) -> float:
        parts = (series[:place], series[place:])
        return float(sum(((part - part.mean()) ** 2).sum() for part in parts))

    place = min(range(margin, number - margin + 1), key=unexplained)
    before, after = float(np.mean(series[:place])), float(np.mean(series[place:]))
    return Shift(place, before, after, 1 - unexplained(place) / total)


def season(series: Series, months: Series) -> tuple[float, dict[int, float]]:
    """Return how much of what the trend leaves the months of the year explain, and each month's deviation."""
    import numpy as np

    line = trend(series)
    rest = series - (line.start + line.slope * np.arange(len(series)))
    rest = rest - rest.mean()
    effects = {int(month): float(rest[months == month].mean()) for month in np.unique(months)}
    fitted = np.array([effects[int(month)] for month in months])
    total = float((rest**2).sum())
    # Twelve means fit some of any noise: correct for them as an adjusted R² does.
    degrees = max(len(series) - len(effects), 1)
    left = float(((rest - fitted) ** 2).sum())
    explained = 1 - (left / degrees) / (total / max(len(series) - 1, 1)) if total else 0.0
    return max(explained, 0.0), effects


def outliers(series: Series, months: Series, limit: float = 6.0) -> list[tuple[int, float]]:
    """Return (place, usual value) of points far from trend and season, by the median absolute deviation."""
    import numpy as np

    line = trend(series)
    usual = line.start + line.slope * np.arange(len(series))
    rest = series - usual
    for month in np.unique(months):
        place = months == month
        if place.sum() >= 3:
            middle = float(np.median(rest[place]))
            usual[place] += middle
            rest[place] -= middle
    deviation = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    floor = 0.03 * float(np.median(np.abs(series))) or 1e-9
    scores = np.abs(rest) / max(deviation, floor)
    places = [int(place) for place in np.argsort(-scores) if scores[place] > limit]
    return [(place, float(usual[place])) for place in places]
