"""Nobody goes while an address, a contact or an interaction names them: said once, where people are removed.

Foreign keys said it a million times a file, where people are named, though nobody is ever named who was not made or
locked by the same transaction (docs/decisions/0026).
"""

import django.db.models.deletion
from django.db import migrations, models

KEEP_NAMED = """
CREATE FUNCTION refuse_to_remove_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM consent_address WHERE recipient_id = OLD.id)
        OR EXISTS (SELECT FROM consent_contact WHERE recipient_id = OLD.id)
        OR EXISTS (SELECT FROM consent_interaction WHERE recipient_id = OLD.id)
    THEN
        RAISE EXCEPTION 'an address, a contact or an interaction still names this person: erase them instead'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
-- Afterwards: whoever removes a person and what names them in one statement may do so.
CREATE TRIGGER consent_recipient_is_kept AFTER DELETE ON consent_recipient
    FOR EACH ROW EXECUTE FUNCTION refuse_to_remove_named();
"""
LET_NAMED_GO = """
DROP TRIGGER consent_recipient_is_kept ON consent_recipient;
DROP FUNCTION refuse_to_remove_named();
"""


class Migration(migrations.Migration):

    dependencies = [('consent', '0017_contact_by_name')]

    operations = [
        migrations.AlterField(
            model_name='address',
            name='recipient',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='addresses', to='consent.recipient'),
        ),
        migrations.AlterField(
            model_name='contact',
            name='recipient',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='consent.recipient'),
        ),
        migrations.RunSQL(KEEP_NAMED, LET_NAMED_GO),
    ]
