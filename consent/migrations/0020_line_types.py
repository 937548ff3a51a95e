"""What kind of telephone line each number is: new ones say it, those known before are read by a later migration."""

from django.db import migrations, models

from consent.lines import LineType


class Migration(migrations.Migration):
    dependencies = [("consent", "0019_refusals_by_time")]

    operations = [
        migrations.AddField(
            model_name="address",
            name="line_type",
            field=models.PositiveSmallIntegerField(
                choices=LineType.choices, db_default=LineType.UNKNOWN, default=LineType.UNKNOWN
            ),
        ),
    ]
