"""Intervals for a share, and the share behind an auditor who errs."""

from __future__ import annotations

from math import sqrt

from scipy import special


def wilson(hits: float, of: float, level: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927; recommended by Brown, Cai, DasGupta 2001). (0, 1) of nothing.

    `hits` and `of` need not be whole: of a weighted sample they are its effective size.

    >>> [round(bound, 3) for bound in wilson(388, 400)]
    [0.948, 0.983]
    """
    if of <= 0:
        return 0.0, 1.0
    z = float(special.ndtri(0.5 + level / 2))
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def clopper_pearson(hits: float, of: float, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share (Clopper, Pearson 1934): never covers less than it says, mostly more.

    >>> [round(bound, 3) for bound in clopper_pearson(0, 50)]
    [0.0, 0.071]
    """
    if of <= 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = float(special.betaincinv(hits, of - hits + 1, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, of - hits, 1 - tail)) if hits < of else 1.0
    return low, high


def rogan_gladen(share: float, sensitivity: float, specificity: float) -> float:
    """The true share behind one found by an imperfect auditor (Rogan, Gladen 1978).

    ValueError where the auditor is no better than chance (sensitivity + specificity <= 1), or where the corrected
    share is outside of [0, 1]: then the two figures do not belong to this auditor, and any number would be invented.

    >>> round(rogan_gladen(0.10, sensitivity=0.85, specificity=0.97), 3)
    0.085
    """
    gain = sensitivity + specificity - 1
    if gain <= 0:
        raise ValueError("sensitivity and specificity together are not above 1: the auditor is no better than chance")
    found = (share + specificity - 1) / gain
    if not 0 <= found <= 1:
        raise ValueError(f"the corrected share would be {found:.3f}: these figures are not those of this auditor")
    return found


def sample_size(share: float, half_width: float, level: float = 0.95) -> int:
    """How many must be drawn for an interval of about plus and minus `half_width` where the share is about `share`.

    >>> sample_size(0.96, 0.02)
    369
    """
    z = float(special.ndtri(0.5 + level / 2))
    return -int(-(z * z * share * (1 - share) / half_width**2) // 1)
