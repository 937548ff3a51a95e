"""How many contacts an undo removed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0007_sealed_proof")]

    operations = [migrations.AddField("importbatch", "n_removed", models.PositiveIntegerField(default=0))]
