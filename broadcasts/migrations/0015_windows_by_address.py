"""Codes are sent by whom the person wrote to lately."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0014_sequels")]

    operations = [
        migrations.AddIndex(
            model_name="window", index=models.Index(fields=["address_id"], name="window_of_address")
        ),
    ]
