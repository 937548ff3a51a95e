"""Tell the planner of the people and their numbers, too: in a new house nobody has looked at these tables either.

A table that was never analysed is taken for ten pages and read to its end, for each person that is judged.
"""

from django.db import migrations

MAKE = """
CREATE OR REPLACE FUNCTION analyze_contacts() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    ANALYZE consent_recipient (id);
    ANALYZE consent_address (recipient_id, kind);
    ANALYZE consent_contact (business_id, recipient_id);
    ANALYZE consent_interaction (business_id, recipient_id);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0024_refusal_written_at")]

    operations = [migrations.RunSQL(MAKE, migrations.RunSQL.noop)]
