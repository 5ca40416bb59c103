"""Django app of operations: metrics, logs, timeouts, system checks."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Register the system checks."""

    name = "operations"

    def ready(self) -> None:
        from operations import checks  # noqa: F401 - registers
