"""Hours looked up again, country by country, and holidays of parts of a country. Rows that an operator has written stay.

Most laws about hours are about calls. Where one is, its source says so: it is taken over for messages as the best known
idea of a decent hour, and the operator may open the day again.
"""

from datetime import time

from django.db import migrations, models

WEEKDAYS, SATURDAY, SUNDAY = range(5), 5, 6
WEEK = range(7)

# country: (days, opens, closes, quiet on public holidays, source)
HOURS = {
    "": [(WEEK, time(9), time(20), False, "the hours that the countries below have in common on a weekday; no law")],
    "FR": [
        (
            [*WEEKDAYS, SATURDAY],
            time(8),
            time(20),
            True,
            "French operators' rules for marketing messages, as providers pass them on: Mon-Sat 8:00-20:00 (smsenvoi, sendtargetsms; Brevo says 22:00: the narrower is taken). No law for messages; calls: décret 2022-1313",
        ),
        ([SUNDAY], None, None, True, "the same rules: never on Sundays and public holidays"),
    ],
    "DE": [
        (
            [*WEEKDAYS, SATURDAY],
            time(8),
            time(20),
            True,
            "practice, no law about hours; Sundays and public holidays rest (Art. 140 GG with Art. 139 WRV)",
        ),
        ([SUNDAY], None, None, True, "the same"),
    ],
    "GB": [(WEEK, time(8), time(20), False, "practice: PECR and the ICO's guidance set no hours for messages")],
    "ES": [
        (
            WEEKDAYS,
            time(9),
            time(21),
            True,
            "RDL 1/2007 art. 96.2, about calls: 9:00-21:00, neither weekends nor public holidays; none in LSSI for messages",
        ),
        ([SATURDAY, SUNDAY], None, None, True, "RDL 1/2007 art. 96.2, about calls"),
    ],
    "IT": [
        (
            WEEKDAYS,
            time(9),
            time(20),
            True,
            "Garante, Codice di condotta telemarketing (provv. 148/2024, in force 2024-09-28), for its signatories and for calls: weekdays 9:00-20:00",
        ),
        ([SATURDAY], time(10), time(19), True, "the same code: Saturdays 10:00-19:00 (as are the days before holidays)"),
        ([SUNDAY], None, None, True, "the same code: neither Sundays nor public holidays"),
    ],
    "US": [
        (
            WEEK,
            time(8),
            time(21),
            False,
            "47 CFR 64.1200(c)(1): 8 am to 9 pm, local time at the called party's location; some states end at 8 pm (Florida, Oklahoma)",
        )
    ],
    "CA": [
        (
            WEEKDAYS,
            time(9),
            time(21, 30),
            False,
            "CRTC Unsolicited Telecommunications Rules, part III s. 23, about calls: weekdays 9:00-21:30; none in CASL for messages",
        ),
        ([SATURDAY, SUNDAY], time(10), time(18), False, "the same rules: weekends 10:00-18:00"),
    ],
    "IN": [
        (WEEK, time(10), time(21), False, "TRAI TCCCPR 2018 and DLT error 651: promotional SMS 10:00-21:00 IST; taken over for messages of apps")
    ],
    "BR": [
        (WEEKDAYS, time(9), time(20), True, "strictest of the hours in use (industry code of telecom operators for calls 9:00-21:00); not verified"),
        ([SATURDAY], time(10), time(16), True, "industry code of telecom operators for calls: Saturdays 10:00-16:00; not verified"),
        ([SUNDAY], None, None, True, "the same code: neither Sundays nor national holidays; not verified"),
    ],
    "AU": [
        (
            WEEKDAYS,
            time(9),
            time(20),
            True,
            "Telemarketing and Research Calls Industry Standard 2017, about calls: weekdays 9:00-20:00, no national public holiday",
        ),
        ([SATURDAY], time(9), time(17), True, "the same standard: Saturdays 9:00-17:00"),
        ([SUNDAY], None, None, True, "the same standard: never on Sundays"),
    ],
}

# What 0003 wrote, by its source.
FIRST_SOURCES = [
    "strictest common practice",
    "operators' code of conduct for marketing messages: Mon-Sat 8:00-20:00",
    "operators' code of conduct: never on Sundays and public holidays",
    "practice",
    "47 CFR 64.1200(c)(1): 8 am to 9 pm, called party's local time",
    "CRTC Unsolicited Telecommunications Rules: weekdays 9:00-21:30",
    "CRTC Unsolicited Telecommunications Rules: weekends 10:00-18:00",
    "TRAI TCCCPR 2018: promotional 10:00-21:00",
    "Telemarketing Industry Standard 2017: weekdays 9:00-20:00",
    "Telemarketing Industry Standard 2017: Saturdays 9:00-17:00",
    "Telemarketing Industry Standard 2017: never on Sundays",
]


def correct(apps, schema_editor):
    hours = apps.get_model("consent", "QuietHours").objects
    hours.filter(source__in=FIRST_SOURCES).delete()
    hours.bulk_create(
        [
            hours.model(country=country, weekday=day, opens_at=opens, closes_at=closes, skips_public_holidays=skips, source=source)
            for country, weeks in HOURS.items()
            for days, opens, closes, skips, source in weeks
            for day in days
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("consent", "0008_undo_counts")]

    operations = [
        migrations.AddField(
            "quiethours",
            "holiday_parts",
            models.CharField(
                blank=True,
                default="",
                help_text="Codes as in ISO 3166-2, with spaces: “57 6AE” for Moselle and Alsace. Their holidays are then quiet for the whole country: a number does not say who lives there.",
                max_length=120,
                verbose_name="and on those of these parts of the country",
            ),
            preserve_default=False,
        ),
        migrations.AlterField("quiethours", "source", models.CharField(max_length=300, verbose_name="source")),
        migrations.RunPython(correct, migrations.RunPython.noop),
    ]
