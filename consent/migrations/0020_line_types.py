"""What kind of telephone line each number is: new ones say it, those known before are read once, in slices."""

from typing import Any

from django.db import migrations, models

from consent import phones
from consent.lines import LineType

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
    # Slices commit one by one: a large house goes on working meanwhile, and a slice that was cut short is read again.
    atomic = False

    dependencies = [("consent", "0019_refusals_by_time")]

    operations = [
        migrations.AddField(
            model_name="address",
            name="line_type",
            field=models.PositiveSmallIntegerField(
                choices=LineType.choices, db_default=LineType.UNKNOWN, default=LineType.UNKNOWN
            ),
        ),
        migrations.RunPython(read_known, migrations.RunPython.noop, elidable=True),
    ]
