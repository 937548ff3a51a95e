from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("consent", "0023_known_line_types")]

    operations = [
        migrations.AddField(
            model_name="refusal",
            name="written_at",
            # Of those that are there already: the moment of this migration.
            field=models.DateTimeField(db_default=Now(), editable=False),
        ),
    ]
