import uuid

from django.db import migrations, models

# The same rounding as in loader/geometry/rounding.py.
_ROUND_AREAS = [
    f'UPDATE {table} SET area_km2 = round(area_km2::numeric,'
    ' least(6, 8 - floor(log(greatest(area_km2::numeric, 1e-6)))::int))::float8'
    for table in ('region', 'overlap', 'counterpart')
]


class Migration(migrations.Migration):

    dependencies = [
        ('geography', '0004_borders_and_changes'),
    ]

    operations = [
        migrations.AddField(
            model_name='vintage',
            name='load_id',
            field=models.UUIDField(default=None, editable=False, null=True),
        ),
        migrations.RunSQL('UPDATE vintage SET load_id = gen_random_uuid()', migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='vintage',
            name='load_id',
            field=models.UUIDField(db_comment='Random identifier of the load. Unlike the primary key it never comes again after a restore.', default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AddField(
            model_name='vintage',
            name='misfit_m',
            field=models.FloatField(db_comment='The largest misfit_m of its regions, metres; null where not measured.', null=True),
        ),
        migrations.AddField(
            model_name='region',
            name='misfit_m',
            field=models.FloatField(db_comment='Widest overlap with, or gap to, another region of the vintage, metres; null where it was not measured.', null=True),
        ),
        migrations.AddField(
            model_name='overlap',
            name='artefact',
            field=models.CharField(choices=[('sliver', 'Sliver'), ('province', 'Province')], db_comment='Empty for a real overlap, sliver or province for one that is none, null until it is classified.', max_length=8, null=True),
        ),
        migrations.AddField(
            model_name='overlap',
            name='share_outside',
            field=models.FloatField(db_comment='Part of the FSA that no health region of the vintage covers, 0 to 1: the same in every row of the FSA.', null=True),
        ),
        migrations.AddField(
            model_name='overlap',
            name='width_m',
            field=models.FloatField(db_comment='Diameter, metres, of the largest circle within that area; for small shares and across provinces.', null=True),
        ),
        migrations.RunSQL(_ROUND_AREAS, migrations.RunSQL.noop),
    ]
