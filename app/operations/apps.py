"""The Django app of what an operator needs: metrics, logs, limits of time, checks of the settings."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class OperationsConfig(AppConfig):
    """Registers the checks, and the stopwatch of every database connection."""

    name = "operations"

    def ready(self) -> None:
        from operations import checks, database  # noqa: F401 - registers

        connection_created.connect(database.attach)
