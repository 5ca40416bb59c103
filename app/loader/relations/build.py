"""Missing relations of a vintage: misfits, borders, overlaps, artefacts, changes."""

import numpy as np
import shapely
from django.db import connection

from geography.models import Vintage
from loader.geometry.coverage_fit import Fit, measure_fit
from loader.progress import Steps
from loader.relations import changes, overlaps
from loader.relations.borders import compute_borders, has_borders, store_misfit, tolerance_m


def build_relations(vintage: Vintage, steps: Steps, *, fit: Fit | None) -> None:
    """Compute a vintage's borders, its overlaps with the other coverage, and the changes to and from other vintages.

    Args:
        vintage: with its pieces and measures. Stored relations are not recomputed.
        fit: coverage quality; None, for a vintage without a measurement, gives the loosest border tolerance.
    """
    if vintage.misfit_m is None:
        widths = None if fit is None else {} if fit.valid else fit.widths
        store_misfit(vintage, _measured_widths(vintage) if widths is None else widths)
    if not has_borders(vintage):
        with steps.step("borders", vintage.region_count) as step:
            compute_borders(vintage, tolerance_m(fit), step.advance)
    overlapping = overlaps.missing_pairs(vintage)
    if overlapping:
        with steps.step("overlaps", sum(fsa.region_count for fsa, _ in overlapping)) as step:
            for fsa_vintage, region_vintage in overlapping:
                overlaps.compute_overlaps(fsa_vintage, region_vintage, step.advance)
    for fsa_vintage, region_vintage in overlaps.unclassified_pairs(vintage):
        with steps.step("artefacts"):
            overlaps.classify_overlaps(fsa_vintage, region_vintage)
    comparable = changes.missing_pairs(vintage)
    if comparable:
        with steps.step("changes", sum(compared.region_count for compared, _ in comparable)) as step:
            for compared, other_vintage in comparable:
                changes.compute_changes(compared, other_vintage, step.advance)


def _measured_widths(vintage: Vintage) -> dict[str, float]:
    """Measure a vintage that was loaded without misfits: return the widths of its overlaps and gaps by code. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT code, ST_AsBinary(geom) FROM region WHERE vintage_id = %s ORDER BY code", [vintage.pk])
        codes, boundaries = zip(*cursor.fetchall(), strict=True)
    fit = measure_fit(np.array(shapely.from_wkb([bytes(wkb) for wkb in boundaries]), dtype=object), codes)
    return dict(fit.widths or {})


def stored_fit(vintage: Vintage) -> Fit | None:
    """Return the coverage quality measured at load time, from the vintage's report; None without one."""
    fit = vintage.report.get("fit")
    return Fit(**fit) if fit else None
