import django.db.models.deletion
from django.db import migrations, models

_CONSTRAINT = 'counterpart_once'


class Migration(migrations.Migration):
    """`Counterpart.other` is called `other_region`; its column keeps the name `other_id`, so nothing changes in the database."""

    dependencies = [
        ('geography', '0005_answers'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(model_name='counterpart', name=_CONSTRAINT),
                migrations.RenameField(model_name='counterpart', old_name='other', new_name='other_region'),
                migrations.AlterField(
                    model_name='counterpart',
                    name='other_region',
                    field=models.ForeignKey(db_column='other_id', db_comment='A region of another vintage.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='geography.region'),
                ),
                migrations.AddConstraint(
                    model_name='counterpart',
                    constraint=models.UniqueConstraint(fields=('region', 'other_region'), name=_CONSTRAINT),
                ),
            ],
        ),
    ]
