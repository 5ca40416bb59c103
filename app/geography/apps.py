"""Django app configuration of the domain."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class GeographyConfig(AppConfig):
    """Update the analysts' SQL schema before and after every `migrate`."""

    name = "geography"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from geography.db import sql_objects

        pre_migrate.connect(sql_objects.before_migrate, sender=self)
        post_migrate.connect(sql_objects.after_migrate, sender=self)
