"""To find a contact by the beginning of the name among a million."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("consent", "0016_fewer_indexes")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX contact_by_name ON consent_contact (business_id, lower(name) text_pattern_ops)",
            "DROP INDEX contact_by_name",
        ),
    ]
