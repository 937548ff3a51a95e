"""A slot counts from the moment at which its offer arrived; what is there counts from its hand-over, as it did."""

from django.db import migrations, models
from django.db.models import F


def count_as_before(apps, schema_editor):
    apps.get_model("consent", "CapEntry").objects.update(counts_at=F("reserved_at"))


class Migration(migrations.Migration):
    dependencies = [("consent", "0004_import_lease")]

    operations = [
        migrations.AddField("capentry", "counts_at", models.DateTimeField(null=True)),
        migrations.RunPython(count_as_before, migrations.RunPython.noop),
        migrations.AlterField("capentry", "counts_at", models.DateTimeField()),
        # Slots are moved once, when their offer arrives: on the same page, or every move would cost an index entry.
        migrations.RunSQL(
            "ALTER TABLE consent_capentry SET (fillfactor = 80)", "ALTER TABLE consent_capentry RESET (fillfactor)"
        ),
    ]
