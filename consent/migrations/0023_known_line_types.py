"""Read once, in slices, what kind of telephone line the numbers known before belong to."""

from typing import Any

from django.db import migrations

from consent import phones

SLICE = 10_000


def read_known(apps: Any, schema_editor: Any) -> None:
    """Only what is no plain default is written: where the plan leaves it open nothing changes."""
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT id, value FROM consent_address WHERE kind = 'e164' AND id > %s ORDER BY id LIMIT %s", [last, SLICE]
            )
            rows = cursor.fetchall()
            if not rows:
                return
            last = rows[-1][0]
            known = [(pk, line.value) for pk, value in rows if (line := phones.line_type_of(value))]
            cursor.execute(
                "UPDATE consent_address a SET line_type = k.line_type"
                " FROM unnest(%s::bigint[], %s::smallint[]) k (id, line_type) WHERE a.id = k.id",
                [[pk for pk, _ in known], [line for _, line in known]],
            )


class Migration(migrations.Migration):
    # Slices commit one by one: a large house goes on working meanwhile, and a run that was cut short begins again.
    atomic = False

    dependencies = [("consent", "0022_analyze_contacts")]

    operations = [migrations.RunPython(read_known, migrations.RunPython.noop, elidable=True)]
