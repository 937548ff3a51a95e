"""The bases looked up again: sources in full, and what the law asks besides. Rules that an operator has written stay."""

import django.contrib.postgres.fields
from django.db import migrations, models

OPT_IN, PURCHASE, INQUIRY, CLICK, INTERESTED = 1, 2, 3, 4, 5
CONSENT, SOFT_OPT_IN, IMPLIED = 1, 2, 3
YEAR, HALF_YEAR = 365, 182

SIMILAR, EVERY, BUYING, DISCLOSED, SEPARATE, CONSUMERS = "similar", "every_message", "buying", "disclosed", "separate", "consumers"
WRITTEN = [SEPARATE, EVERY]
CUSTOMER = [SIMILAR, EVERY]

OWN_ANSWER = "the person's own answer to an offer that names its sender; no law sets how long it holds: the operator's choice"

# country: (kind, basis, valid days, only if an opt-out was offered, conditions, source)
RULES = {
    "": [(OPT_IN, CONSENT, YEAR, False, WRITTEN, "a country without rules of its own: written consent alone, and for a year, the strictest of this table")],
    "FR": [
        (OPT_IN, CONSENT, 3 * YEAR, False, [SEPARATE, EVERY, CONSUMERS], "CPCE art. L34-5; CNIL, « La prospection commerciale par SMS-MMS »: prior consent by an act of its own; CNIL's guide: 3 years from the last contact"),
        (PURCHASE, SOFT_OPT_IN, 3 * YEAR, True, [SIMILAR, EVERY, CONSUMERS], "CPCE art. L34-5 al. 4; CNIL, same page: customers, similar products of the same company, told and able to refuse at collection; an account without a purchase is none"),
        (CLICK, CONSENT, YEAR, False, [EVERY], "CNIL's guide on retention: a click is a contact that comes from the person, an opening is not; one year is the operator's choice"),
        (INTERESTED, CONSENT, YEAR, False, [EVERY], OWN_ANSWER),
    ],
    "DE": [
        (OPT_IN, CONSENT, 2 * YEAR, False, WRITTEN, "UWG § 7(2) no. 2: prior express consent. No expiry by law (BGH III ZR 196/17); lower courts let unused consent lapse after 1.5 to 2 years"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, CUSTOMER, "UWG § 7(3): number from a sale, own similar goods, told at collection and in every message; one year is the operator's choice"),
        (INTERESTED, CONSENT, YEAR, False, [EVERY], OWN_ANSWER),
    ],
    "GB": [
        (OPT_IN, CONSENT, 2 * YEAR, False, [SEPARATE, EVERY, CONSUMERS], "PECR reg. 22(2); ICO, direct marketing guidance: consent does not last for ever; two years is the operator's choice"),
        (PURCHASE, SOFT_OPT_IN, 2 * YEAR, True, [SIMILAR, EVERY, CONSUMERS], "PECR reg. 22(3): sale, own similar products, a way to refuse at collection and in every message"),
        (INQUIRY, SOFT_OPT_IN, HALF_YEAR, True, [BUYING, SIMILAR, EVERY, CONSUMERS], "PECR reg. 22(3)(a): negotiations for a sale; ICO: somebody who asked about buying, not any question"),
        (INTERESTED, CONSENT, YEAR, False, [EVERY], OWN_ANSWER),
    ],
    "ES": [
        (OPT_IN, CONSENT, 2 * YEAR, False, WRITTEN, "LSSI (Ley 34/2002) art. 21(1): asked for or expressly authorised; two years is the operator's choice"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, CUSTOMER, "LSSI art. 21(2): earlier contract, own similar products, a way to refuse at collection and in every message; one year is the operator's choice"),
        (INTERESTED, CONSENT, YEAR, False, [EVERY], OWN_ANSWER),
    ],
    "IT": [
        (OPT_IN, CONSENT, 2 * YEAR, False, WRITTEN, "Codice privacy (d.lgs. 196/2003) art. 130(1)-(2); Garante: 24 months for marketing data"),
        (INTERESTED, CONSENT, YEAR, False, [EVERY], OWN_ANSWER + ". A purchase is none: art. 130(4) is about e-mail only"),
    ],
    "US": [
        (OPT_IN, CONSENT, 5 * YEAR, False, [DISCLOSED, EVERY], "47 CFR 64.1200(a)(2), (f)(9): prior express written consent; no expiry by law, held as long as its proof (5 years). An earlier purchase is none for marketing texts"),
        (INTERESTED, CONSENT, HALF_YEAR, False, [DISCLOSED, EVERY], OWN_ANSWER + "; it has to say what 64.1200(f)(9) asks"),
    ],
    "CA": [
        (OPT_IN, CONSENT, 5 * YEAR, False, WRITTEN, "CASL s. 6, 10(1); CRTC: express consent is not time-limited; renewed after five years by the operator's choice"),
        (PURCHASE, IMPLIED, 2 * YEAR, False, [EVERY], "CASL s. 10(9)(a), 10(10)(a): purchase or contract within two years"),
        (INQUIRY, IMPLIED, HALF_YEAR, False, [BUYING, EVERY], "CASL s. 10(9)(a), 10(10)(e): inquiry within six months"),
        (INTERESTED, IMPLIED, HALF_YEAR, False, [EVERY], "CASL s. 10(10)(e): taken for an inquiry, six months"),
    ],
    "IN": [
        (OPT_IN, CONSENT, YEAR, False, [SEPARATE, EVERY], "TCCCPR 2018 (amended 2025-02-12); DPDP Act 2023 s. 6. TCCCPR binds SMS and voice, not apps: taken over"),
        (INTERESTED, CONSENT, HALF_YEAR, False, [EVERY], OWN_ANSWER),
    ],
    "BR": [
        (OPT_IN, CONSENT, 2 * YEAR, False, WRITTEN, "LGPD (Lei 13.709/2018) art. 7 I, 8; two years is the operator's choice"),
        (PURCHASE, SOFT_OPT_IN, YEAR, True, CUSTOMER, "LGPD art. 7 IX, 10, 18 § 2: legitimate interest in the service of one's own customers, a way to refuse offered; one year is the operator's choice"),
        (INTERESTED, CONSENT, YEAR, False, [EVERY], OWN_ANSWER),
    ],
}
# What 0003 wrote about these countries, by its source: what begins so was not touched by an operator.
FIRST_SOURCES = (
    "strictest of the rules below",
    "CPCE art. L34-5; CNIL: 3 years from",
    "CNIL: a click counts as contact",
    "the person's own answer to an offer",
    "UWG §7(",
    "PECR reg. 22(",
    "LSSI art. 21(",
    "Codice privacy art. 130(1)",
    "47 CFR 64.1200(f)(9): prior",
    "CASL s. ",
    "TCCCPR 2018 (amended",
    "LGPD art. 7",
)


def correct(apps, schema_editor):
    rules = apps.get_model("consent", "BasisRule").objects
    for rule in rules.filter(country__in=RULES):
        if rule.source.startswith(FIRST_SOURCES):
            rule.delete()
    rules.bulk_create(
        [
            rules.model(
                country=country,
                kind=kind,
                basis=basis,
                valid_days=days,
                needs_opt_out_offered=needs_opt_out,
                conditions=conditions,
                source=source,
            )
            for country, lines in RULES.items()
            for kind, basis, days, needs_opt_out, conditions, source in lines
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("consent", "0012_erasure")]

    operations = [
        migrations.AddField(
            "basisrule",
            "conditions",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("similar", "own products, similar to what was bought"),
                        ("every_message", "a way to refuse in every message"),
                        ("buying", "they asked about buying, not about anything"),
                        ("disclosed", "signed, after being told what for and that it is no condition of a purchase"),
                        ("separate", "asked for by itself, not within terms and conditions"),
                        ("consumers", "for private persons; companies may have other rules"),
                    ],
                    max_length=16,
                ),
                blank=True,
                default=list,
                size=None,
                verbose_name="conditions",
            ),
        ),
        # A quiet day is one without hours: the form has to let them be empty.
        migrations.AlterField(
            "quiethours",
            "opens_at",
            models.TimeField(blank=True, help_text="Empty: the whole day is quiet.", null=True, verbose_name="from"),
        ),
        migrations.AlterField("quiethours", "closes_at", models.TimeField(blank=True, null=True, verbose_name="to")),
        migrations.AlterField("basisrule", "source", models.CharField(max_length=300, verbose_name="source")),
        migrations.RunPython(correct, migrations.RunPython.noop),
    ]
