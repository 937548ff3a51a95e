"""An import shows signs of life, so that another worker can take over a file whose reader was killed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0003_seed_policy")]

    operations = [
        migrations.AddField("importbatch", "touched_at", models.DateTimeField(null=True)),
        migrations.AddField("importbatch", "n_attempts", models.PositiveSmallIntegerField(default=0)),
    ]
