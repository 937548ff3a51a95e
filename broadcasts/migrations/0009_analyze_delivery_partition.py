"""Tell the planner of a broadcast that was frozen a moment ago.

A partition that its statistics do not know looks like one row to the planner, whatever its size; the statements that
change deliveries then join each batch with all of the broadcast (64 rows: a second). Two columns are enough: they say
how much of the partition a range of broadcasts and a state is. Growing by a fifth is what makes it worth looking again.
"""

from django.db import migrations

MAKE = """
CREATE FUNCTION analyze_delivery_partition(for_broadcast bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition text := format('broadcasts_delivery_%s', for_broadcast / 256 * 256);
    known bigint := (SELECT relpages FROM pg_class WHERE oid = to_regclass(partition));
BEGIN
    IF pg_relation_size(to_regclass(partition)) / current_setting('block_size')::bigint > known * 1.2 THEN
        EXECUTE format('ANALYZE %I (broadcast_id, state)', partition);
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0008_joining")]

    operations = [migrations.RunSQL(MAKE, "DROP FUNCTION analyze_delivery_partition(bigint);")]
