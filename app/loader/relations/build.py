"""Relations between regions and between vintages, as far as they are missing."""

import numpy as np
import shapely
from django.db import connection

from geography.models import Vintage
from loader.geometry.coverage_fit import Fit, measure_fit
from loader.progress import Steps
from loader.relations import changes, overlaps
from loader.relations.borders import compute_borders, has_borders, store_misfit, tolerance_m


def build_relations(vintage: Vintage, steps: Steps, *, fit: Fit | None) -> None:
    """Compute a vintage's borders, its overlaps with the other coverage, and what became of its regions in other editions.

    Args:
        vintage: with its pieces and measures. What is stored already stays as it is.
        fit: how well its regions fit together; None, for one that was never measured, counts as not at all.
    """
    if vintage.misfit_m is None:
        widths = None if fit is None else {} if fit.valid else fit.widths
        store_misfit(vintage, _measured(vintage) if widths is None else widths)
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
        with steps.step("changes", sum(value.region_count for value, _ in comparable)) as step:
            for value, other in comparable:
                changes.compute_changes(value, other, step.advance)


def _measured(vintage: Vintage) -> dict[str, float]:
    """Return the widths of a vintage that was loaded before they were measured. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT code, ST_AsBinary(geom) FROM region WHERE vintage_id = %s ORDER BY code", [vintage.pk])
        codes, boundaries = zip(*cursor.fetchall(), strict=True)
    fit = measure_fit(np.array(shapely.from_wkb([bytes(wkb) for wkb in boundaries]), dtype=object), codes)
    return dict(fit.widths or {})


def stored_fit(vintage: Vintage) -> Fit | None:
    """Return the fit that was measured when a vintage was loaded, from its report."""
    fit = vintage.report.get("fit")
    return Fit(**fit) if fit else None
