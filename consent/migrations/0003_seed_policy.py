"""A first policy, each line with its source. The operator's lawyers own it from here on: it is data, not code."""

from datetime import time

from django.db import migrations

OPT_IN, PURCHASE, INQUIRY, CLICK, INTERESTED = 1, 2, 3, 4, 5
CONSENT, SOFT_OPT_IN, IMPLIED = 1, 2, 3
YEAR = 365

EPRIVACY = "Directive 2002/58/EC art. 13(1)-(2)"
CNIL = "CPCE art. L34-5; CNIL: 3 years from the prospect's last contact"
GDPR_REACTION = "the person's own answer to an offer; GDPR art. 7, validity chosen by the operator"

# country: (kind, basis, valid days, only if an opt-out was offered, source)
RULES = {
    # Nothing known about a country: written consent only, and no older than a year.
    "": [(OPT_IN, CONSENT, YEAR, False, "strictest of the rules below")],
    "FR": [
        (OPT_IN, CONSENT, 3 * YEAR, False, CNIL),
        (PURCHASE, SOFT_OPT_IN, 3 * YEAR, True, f"{CNIL}; own similar products, opt-out offered at collection"),
        (CLICK, CONSENT, YEAR, False, "CNIL: a click counts as contact, an opening does not"),
        (INTERESTED, CONSENT, YEAR, False, GDPR_REACTION),
    ],
    "DE": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "UWG §7(2): prior express consent; unused consent lapses (court practice 1.5-2 years)"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, "UWG §7(3): own similar goods, told at collection and in every message"),
        (INTERESTED, CONSENT, YEAR, False, GDPR_REACTION),
    ],
    "GB": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "PECR reg. 22(2); ICO direct marketing guidance"),
        (PURCHASE, SOFT_OPT_IN, 2 * YEAR, True, "PECR reg. 22(3): sale or negotiation, own similar products"),
        (INQUIRY, SOFT_OPT_IN, YEAR // 2, True, "PECR reg. 22(3)(a): negotiations for a sale"),
        (INTERESTED, CONSENT, YEAR, False, GDPR_REACTION),
    ],
    "ES": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "LSSI art. 21(1)"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, "LSSI art. 21(2): earlier contract, similar products"),
        (INTERESTED, CONSENT, YEAR, False, GDPR_REACTION),
    ],
    "IT": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "Codice privacy art. 130(1); Garante: 24 months for marketing data"),
        (INTERESTED, CONSENT, YEAR, False, f"{GDPR_REACTION}; soft opt-in is for e-mail only (art. 130(4))"),
    ],
    "BE": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "Code de droit économique art. XII.13"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, "Arrêté royal du 4 avril 2003 art. 1"),
        (INTERESTED, CONSENT, YEAR, False, GDPR_REACTION),
    ],
    "CH": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "UWG (CH) art. 3(1)(o)"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, "UWG (CH) art. 3(1)(o): own similar goods, refusal offered"),
        (INTERESTED, CONSENT, YEAR, False, "the person's own answer to an offer"),
    ],
    "SE": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "Marknadsföringslagen (2008:486) 19 §"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, f"Marknadsföringslagen 19 §; {EPRIVACY}"),
        (INTERESTED, CONSENT, YEAR, False, GDPR_REACTION),
    ],
    "IE": [
        (OPT_IN, CONSENT, YEAR, False, "S.I. 336/2011 reg. 13(1)"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, "S.I. 336/2011 reg. 13(11): within 12 months of the sale"),
        (INTERESTED, CONSENT, YEAR, False, GDPR_REACTION),
    ],
    "NL": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "Telecommunicatiewet art. 11.7(1)"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, "Telecommunicatiewet art. 11.7(3)"),
        (INTERESTED, CONSENT, YEAR, False, GDPR_REACTION),
    ],
    "US": [
        (OPT_IN, CONSENT, 5 * YEAR, False, "47 CFR 64.1200(f)(9): prior express written consent; kept as long as records (5 years)"),
        (INTERESTED, CONSENT, YEAR // 2, False, "the person's own answer to an offer; validity chosen by the operator"),
    ],
    "CA": [
        (OPT_IN, CONSENT, 5 * YEAR, False, "CASL s. 6, 10(1): express consent, no expiry by law; renewed by the operator's choice"),
        (PURCHASE, IMPLIED, 2 * YEAR, False, "CASL s. 10(10): purchase or contract within 2 years"),
        (INQUIRY, IMPLIED, YEAR // 2, False, "CASL s. 10(10): inquiry within 6 months"),
        (INTERESTED, IMPLIED, YEAR // 2, False, "CASL s. 10(10): inquiry within 6 months"),
    ],
    "AU": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "Spam Act 2003 s. 16, sch. 2: express consent"),
        (PURCHASE, IMPLIED, YEAR, True, "Spam Act 2003 sch. 2: inferred from an existing relationship"),
        (INTERESTED, CONSENT, YEAR, False, "the person's own answer to an offer"),
    ],
    "IN": [
        (OPT_IN, CONSENT, YEAR, False, "TCCCPR 2018 (amended 2025-02-12); DPDP Act 2023 s. 6"),
        (INTERESTED, CONSENT, YEAR // 2, False, "the person's own answer to an offer"),
    ],
    "BR": [
        (OPT_IN, CONSENT, 2 * YEAR, False, "LGPD art. 7 I, 8"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, "LGPD art. 7 IX, 10: legitimate interest, opposition offered"),
        (INTERESTED, CONSENT, YEAR, False, "the person's own answer to an offer"),
    ],
}

PLATFORM, BUSINESS, BUSINESS_NOT_INTERESTED = 1, 2, 3
CAPS = [(PLATFORM, 2, 24), (PLATFORM, 6, 168), (BUSINESS, 1, 24), (BUSINESS, 4, 720), (BUSINESS_NOT_INTERESTED, 1, 720)]

WEEKDAYS, SATURDAY, SUNDAY = range(5), 5, 6
# country: (days, opens, closes, quiet on public holidays, source)
HOURS = {
    "": [(range(7), time(9), time(20), False, "strictest common practice")],
    "FR": [
        ([*WEEKDAYS, SATURDAY], time(8), time(20), True, "operators' code of conduct for marketing messages: Mon-Sat 8:00-20:00"),
        ([SUNDAY], None, None, True, "operators' code of conduct: never on Sundays and public holidays"),
    ],
    "DE": [([*WEEKDAYS, SATURDAY], time(8), time(20), False, "practice"), ([SUNDAY], None, None, False, "practice")],
    "GB": [(range(7), time(8), time(21), False, "practice")],
    "US": [(range(7), time(8), time(21), False, "47 CFR 64.1200(c)(1): 8 am to 9 pm, called party's local time")],
    "CA": [
        (WEEKDAYS, time(9), time(21, 30), False, "CRTC Unsolicited Telecommunications Rules: weekdays 9:00-21:30"),
        ([SATURDAY, SUNDAY], time(10), time(18), False, "CRTC Unsolicited Telecommunications Rules: weekends 10:00-18:00"),
    ],
    "IN": [(range(7), time(10), time(21), False, "TRAI TCCCPR 2018: promotional 10:00-21:00")],
    "AU": [
        (WEEKDAYS, time(9), time(20), False, "Telemarketing Industry Standard 2017: weekdays 9:00-20:00"),
        ([SATURDAY], time(9), time(17), False, "Telemarketing Industry Standard 2017: Saturdays 9:00-17:00"),
        ([SUNDAY], None, None, False, "Telemarketing Industry Standard 2017: never on Sundays"),
    ],
}


def seed(apps, schema_editor):
    apps.get_model("consent", "BasisRule").objects.bulk_create(
        apps.get_model("consent", "BasisRule")(
            country=country, kind=kind, basis=basis, valid_days=days, needs_opt_out_offered=needs_opt_out, source=source
        )
        for country, rules in RULES.items()
        for kind, basis, days, needs_opt_out, source in rules
    )
    apps.get_model("consent", "CapRule").objects.bulk_create(
        apps.get_model("consent", "CapRule")(scope=scope, max_offers=n, window_hours=hours) for scope, n, hours in CAPS
    )
    apps.get_model("consent", "QuietHours").objects.bulk_create(
        apps.get_model("consent", "QuietHours")(
            country=country, weekday=day, opens_at=opens, closes_at=closes, skips_public_holidays=holidays, source=source
        )
        for country, weeks in HOURS.items()
        for days, opens, closes, holidays, source in weeks
        for day in days
    )


class Migration(migrations.Migration):
    dependencies = [("consent", "0002_guards")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
