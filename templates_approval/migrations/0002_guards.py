"""What is approved is what is sent: from submission on the database refuses to change what a version says."""

from django.db import migrations

FREEZE = """
CREATE FUNCTION refuse_rewording() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'version % was submitted: its content never changes, make a new version', OLD.code
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER templates_approval_version_frozen
    BEFORE UPDATE ON templates_approval_version FOR EACH ROW
    WHEN (OLD.state <> 'draft'
          AND (NEW.components, NEW.fallbacks, NEW.language, NEW.content_hash, NEW.template_id)
              IS DISTINCT FROM (OLD.components, OLD.fallbacks, OLD.language, OLD.content_hash, OLD.template_id))
    EXECUTE FUNCTION refuse_rewording();

CREATE TRIGGER templates_approval_review_only_grows
    BEFORE UPDATE OR DELETE ON templates_approval_review FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

THAW = """
DROP TRIGGER templates_approval_review_only_grows ON templates_approval_review;
DROP TRIGGER templates_approval_version_frozen ON templates_approval_version;
DROP FUNCTION refuse_rewording();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("templates_approval", "0001_initial"),
        ("businesses", "0002_guards"),
    ]

    operations = [migrations.RunSQL(FREEZE, THAW)]
