"""How lesions usually present: the sizes and outlines that are drawn where none are asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clinic:
    """How a class of lesion usually presents: longest diameter (log-normal, in mm) and outline parameters.

    The ranges are ours, chosen after the ABCD rule (Nachbar et al. 1994) and its 6 mm criterion (Abbasi et al. 2004):
    nevi mostly below 6 mm, even and regular; melanomas mostly above, lopsided and notched, some small.
    """

    median_mm: float
    log_sigma: float
    range_mm: tuple[float, float]
    irregularity: tuple[float, float]
    asymmetry: tuple[float, float]


CLINIC = {
    "nevus": Clinic(4.5, 0.28, (2.0, 10.0), (0.01, 0.10), (0.05, 0.25)),
    "melanoma": Clinic(9.5, 0.35, (4.0, 25.0), (0.25, 0.75), (0.45, 0.80)),
}
ANY_CLASS = Clinic(6.0, 0.35, (2.0, 20.0), (0.01, 0.25), (0.10, 0.50))
