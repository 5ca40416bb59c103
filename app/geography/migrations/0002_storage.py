"""Store geometries uncompressed: doubles do not compress, and the attempt takes time."""

from django.db import migrations

COLUMNS = (("region", "geom"), ("region_level", "geom"), ("region_level", "geom_3857"))


class Migration(migrations.Migration):
    dependencies = [("geography", "0001_initial")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL",
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTENDED",
        )
        for table, column in COLUMNS
    ]
