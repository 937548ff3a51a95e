"""Links of proof are sealed with a key per person, their chain runs over what is sealed, and wordings are archived."""

import django.db.models.deletion
from django.db import migrations, models

APPEND_ONLY = ("consent_consentevent", "consent_wording")
GUARD_KEYS = """
CREATE FUNCTION refuse_another_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed: keys are made and destroyed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER consent_personkey_never_changes BEFORE UPDATE ON consent_personkey
    FOR EACH ROW EXECUTE FUNCTION refuse_another_key();
CREATE TRIGGER consent_personkey_never_emptied BEFORE TRUNCATE ON consent_personkey
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_another_key();
"""
UNGUARD_KEYS = """
DROP TRIGGER consent_personkey_never_changes ON consent_personkey;
DROP TRIGGER consent_personkey_never_emptied ON consent_personkey;
DROP FUNCTION refuse_another_key();
"""
# What a foreign key would refuse, at no cost for a file of a million links.
KEEP_PEOPLE = """
CREATE FUNCTION refuse_to_orphan_proof() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM consent_consentevent WHERE recipient_id = OLD.id) THEN
        RAISE EXCEPTION 'this person has a chain of proof, which never goes: erase them instead'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER consent_recipient_keeps_proof BEFORE DELETE ON consent_recipient
    FOR EACH ROW EXECUTE FUNCTION refuse_to_orphan_proof();
"""
LET_PEOPLE_GO = """
DROP TRIGGER consent_recipient_keeps_proof ON consent_recipient;
DROP FUNCTION refuse_to_orphan_proof();
"""


def refuse_old_proof(apps, schema_editor):
    """Sealing old links would make them look as if they had been sealed then. No release wrote any."""
    if apps.get_model("consent", "ConsentEvent").objects.exists():
        raise RuntimeError(
            "This database holds proof written by a development version before the first release, in a form that is "
            "no longer read. Make a new database (on a laptop: remove .local/), and bring the people in again."
        )


def guard(table, moments, how):
    name = f"{table}_never_emptied" if how == "STATEMENT" else f"{table}_only_grows"
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} BEFORE {moments} ON {table} FOR EACH {how} EXECUTE FUNCTION refuse_change()",
        f"DROP TRIGGER {name} ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("businesses", "0002_guards"), ("consent", "0006_provenance")]

    operations = [
        migrations.RunPython(refuse_old_proof, migrations.RunPython.noop),
        migrations.RemoveField("consentevent", "payload"),
        migrations.AddField("consentevent", "sealed", models.BinaryField(default=b""), preserve_default=False),
        migrations.AlterField(
            "consentevent",
            "recipient",
            models.ForeignKey(
                to="consent.recipient",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                db_constraint=False,
                db_index=False,
            ),
        ),
        migrations.AlterField(
            "consentevent",
            "business",
            models.ForeignKey(
                to="businesses.business",
                on_delete=django.db.models.deletion.PROTECT,
                null=True,
                related_name="+",
                db_constraint=False,
                db_index=False,
            ),
        ),
        migrations.CreateModel(
            name="PersonKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "recipient_id", "business_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        to="consent.recipient",
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        db_constraint=False,
                        db_index=False,
                    ),
                ),
                ("business_id", models.BigIntegerField()),
                ("wrapped", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Wording",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                (
                    "business",
                    models.ForeignKey(
                        to="businesses.business",
                        on_delete=django.db.models.deletion.PROTECT,
                        null=True,
                        related_name="+",
                    ),
                ),
                (
                    "code",
                    models.CharField(help_text="Where they stood: join_page, keyword, confirmation …", max_length=40),
                ),
                ("locale", models.CharField(max_length=8)),
                ("version", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("hash", models.CharField(help_text="SHA-256 of the text in UTF-8.", max_length=64)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "code", "locale", "version"), nulls_distinct=False, name="wording_once"
                    )
                ],
            },
        ),
        guard("consent_wording", "UPDATE OR DELETE", "ROW"),
        *[guard(table, "TRUNCATE", "STATEMENT") for table in APPEND_ONLY],
        migrations.RunSQL(GUARD_KEYS, UNGUARD_KEYS),
        migrations.RunSQL(KEEP_PEOPLE, LET_PEOPLE_GO),
    ]
