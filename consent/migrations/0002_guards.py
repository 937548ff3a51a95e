"""The consent ledger only grows; slots of patience live in a table shaped for many short-lived rows."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial"), ("businesses", "0002_guards")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER consent_consentevent_only_grows BEFORE UPDATE OR DELETE ON consent_consentevent"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()",
            "DROP TRIGGER consent_consentevent_only_grows ON consent_consentevent",
        ),
        migrations.RunSQL(
            "ALTER TABLE consent_capentry SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1)",
            "ALTER TABLE consent_capentry RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)",
        ),
    ]
