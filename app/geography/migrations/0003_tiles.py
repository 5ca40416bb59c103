"""Add tables for vector tiles, cut into cells; drop the Web Mercator copy of every level."""

import django.contrib.gis.db.models.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('geography', '0002_storage'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='regionlevel',
            name='geom_3857',
        ),
        migrations.CreateModel(
            name='TileLabel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('radius_m', models.FloatField(db_comment='Radius of the largest circle around geom within the region, units of EPSG:3857.')),
                ('geom', django.contrib.gis.db.models.fields.PointField(db_comment="Point of the region's largest part that is farthest from its border (pole of inaccessibility), EPSG:3857.", spatial_index=False, srid=3857)),
                ('region', models.OneToOneField(db_comment='The region named.', on_delete=django.db.models.deletion.CASCADE, related_name='label', to='geography.region')),
                ('vintage', models.ForeignKey(db_comment="The region's vintage.", on_delete=django.db.models.deletion.CASCADE, related_name='+', to='geography.vintage')),
            ],
            options={
                'db_table': 'tile_label',
                'db_table_comment': 'Where the names of regions stand on a map, at most one for each.',
            },
        ),
        migrations.CreateModel(
            name='TilePiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('zoom', models.SmallIntegerField(db_comment='First zoom of the tiles that are cut from it.')),
                ('cell_x', models.IntegerField(db_comment='Column of its cell, which is a tile of a lower zoom.')),
                ('cell_y', models.IntegerField(db_comment='Row of its cell.')),
                ('geom', django.contrib.gis.db.models.fields.MultiPolygonField(db_comment='EPSG:3857, cut a little outside the cell.', spatial_index=False, srid=3857)),
                ('region', models.ForeignKey(db_comment='The region drawn.', on_delete=django.db.models.deletion.CASCADE, related_name='tile_pieces', to='geography.region')),
                ('vintage', models.ForeignKey(db_comment="The region's vintage.", db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='geography.vintage')),
            ],
            options={
                'db_table': 'tile_piece',
                'db_table_comment': 'Regions as vector tiles are cut from them, in cells.',
                'indexes': [models.Index(fields=['vintage', 'zoom', 'cell_x', 'cell_y'], name='tile_piece_cell')],
            },
        ),
        # As in 0002: doubles do not compress.
        migrations.RunSQL(
            "ALTER TABLE tile_piece ALTER COLUMN geom SET STORAGE EXTERNAL",
            "ALTER TABLE tile_piece ALTER COLUMN geom SET STORAGE EXTENDED",
        ),
    ]
