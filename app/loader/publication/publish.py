"""Publication, rollback and deletion of vintages.

Publication and rollback only change the status of rows, in one transaction.
"""

from django.db import connection, transaction
from django.utils import timezone

from geography.models import Coverage, Status, Vintage
from loader.errors import PublishError

_DELETES = (
    "DELETE FROM border USING region WHERE region.id = border.region_id AND region.vintage_id = %(vintage)s",
    "DELETE FROM counterpart USING region WHERE region.id = counterpart.region_id AND region.vintage_id = %(vintage)s",
    "DELETE FROM counterpart USING region WHERE region.id = counterpart.other_id AND region.vintage_id = %(vintage)s",
    "DELETE FROM change USING region WHERE region.id = change.region_id AND region.vintage_id = %(vintage)s",
    "DELETE FROM change WHERE other_vintage_id = %(vintage)s",
    "DELETE FROM overlap WHERE fsa_vintage_id = %(vintage)s OR health_region_vintage_id = %(vintage)s",
    "DELETE FROM region_level USING region WHERE region.id = region_level.region_id AND region.vintage_id = %(vintage)s",
    "DELETE FROM tile_piece WHERE vintage_id = %(vintage)s",
    "DELETE FROM tile_label WHERE vintage_id = %(vintage)s",
    "DELETE FROM region_part USING region WHERE region.id = region_part.region_id AND region.vintage_id = %(vintage)s",
    "DELETE FROM region WHERE vintage_id = %(vintage)s",
    "DELETE FROM vintage WHERE id = %(vintage)s",
)


def publish(vintage: Vintage) -> list[Vintage]:
    """Publish a vintage and return the vintages it retired: the earlier load of its label and, for a real one, demonstrations.

    Raises: PublishError for a demonstration if real boundaries are published, so that it is never used by mistake.
    """
    with transaction.atomic():
        # Row lock: serialises the publications of a coverage.
        Coverage.objects.select_for_update().get(pk=vintage.coverage_id)
        published = Vintage.objects.filter(coverage=vintage.coverage, status=Status.PUBLISHED).exclude(pk=vintage.pk)
        refuse_demo_over_real(vintage.coverage.slug, demo=vintage.demo)
        retired = list(published.filter(label=vintage.label))
        if vintage.demo or not vintage.extract:
            retired += list(published.filter(demo=True).exclude(label=vintage.label))
        for former in retired:
            former.status, former.retired_by = Status.RETIRED, vintage
            former.save(update_fields=["status", "retired_by"])
        vintage.status, vintage.retired_by, vintage.published_at = Status.PUBLISHED, None, timezone.now()
        vintage.save(update_fields=["status", "retired_by", "published_at"])
    return retired


def refuse_demo_over_real(coverage: str, *, demo: bool) -> None:
    """Raise PublishError for a demonstration if real boundaries of the coverage are published. Queries: 1."""
    if demo and Vintage.objects.filter(coverage__slug=coverage, status=Status.PUBLISHED, demo=False).exists():
        raise PublishError(f"Real boundaries of {coverage} are published; a demonstration cannot replace them.")


def last_published(coverage: str) -> Vintage:
    """Return the vintage that a rollback would retire. Raises: PublishError if no vintage would be left to answer."""
    published = Vintage.objects.select_related("coverage").filter(coverage__slug=coverage, status=Status.PUBLISHED)
    last = published.order_by("-published_at", "-pk").first()
    if last is None:
        raise PublishError(f"No vintage of {coverage} is published.")
    # Extracts do not count: they answer only requests that name them.
    others = published.exclude(pk=last.pk) if last.extract else published.exclude(pk=last.pk).filter(extract=False)
    if not last.retirees.exists() and not others.exists():
        raise PublishError(f"{last} is the only published vintage: there is no earlier one to restore.")
    return last


def rollback(last: Vintage) -> list[Vintage]:
    """Undo a publication and return the vintages that it had retired, now published again."""
    with transaction.atomic():
        Coverage.objects.select_for_update().get(pk=last.coverage_id)
        restored = list(last.retirees.all())
        last.status = Status.RETIRED
        last.save(update_fields=["status"])
        for former in restored:
            former.status, former.retired_by = Status.PUBLISHED, None
            former.save(update_fields=["status", "retired_by"])
    return restored


def prune() -> list[str]:
    """Delete every staged or retired vintage and return their names. This cannot be undone."""
    unpublished = Vintage.objects.select_related("coverage").exclude(status=Status.PUBLISHED).order_by("pk")
    names = [f"{vintage} ({vintage.status})" for vintage in unpublished]
    for vintage in unpublished:
        delete(vintage)
    return names


def delete(vintage: Vintage) -> None:
    """Delete a vintage with all its regions: one statement per table, without loading geometry into Python."""
    with transaction.atomic(), connection.cursor() as cursor:
        vintage.retirees.update(retired_by=None)
        for statement in _DELETES:
            cursor.execute(statement, {"vintage": vintage.pk})
