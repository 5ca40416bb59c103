"""The Django app of what an operator needs: metrics, logs, limits of time, checks of the settings."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Registers the checks."""

    name = "operations"

    def ready(self) -> None:
        from operations import checks  # noqa: F401 - registers
