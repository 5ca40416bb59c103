from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("indicators", "0002_issues_in_time"),
    ]

    operations = [
        migrations.AddField(
            model_name="indicator",
            name="overdispersion",
            field=models.FloatField(
                db_comment="Variance of a weekly count divided by its mean, for the interval of a change.",
                db_default=2.5,
                default=2.5,
            ),
        ),
    ]
