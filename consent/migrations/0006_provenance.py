"""Attested evidence belongs to a batch, which is on probation until its first people have been heard.

Evidence that programs attested before is put into a batch of its business and month; it stays as good as it was.
"""

from django.conf import settings
from django.db import migrations, models

import django.db.models.deletion

GIVE_BATCHES = """
INSERT INTO consent_importbatch
    (code, business_id, file, filename, source, period, state, trust, failure, n_bytes, n_bytes_read, n_rows, n_new, n_updated,
     n_faulty, n_without_evidence, created_at, n_attempts, finished_at, n_probe, withdrawal, withdrawn_to, n_withdrawn)
SELECT 'imp_' || substr(md5(random()::text || business_id || month), 1, 16), business_id, '', '', 'api', month, 'done', 'vouched', '',
       0, 0, n, 0, 0, 0, 0, first_at, 0, first_at, 0, 0, 0, 0
FROM (
    SELECT business_id, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, count(*) AS n, min(created_at) AS first_at
    FROM consent_interaction
    WHERE provenance = 2 AND batch_id IS NULL
    GROUP BY 1, 2
) attested;
UPDATE consent_interaction i
SET batch_id = b.id
FROM consent_importbatch b
WHERE i.provenance = 2
  AND i.batch_id IS NULL
  AND b.source = 'api'
  AND b.business_id = i.business_id
  AND b.period = to_char(i.created_at AT TIME ZONE 'UTC', 'YYYY-MM');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""
SEED_POLICY = """
INSERT INTO consent_evidencepolicy
    (id, probe_people, unproven_people, clean_percent, clean_days, quarantine_people, quarantine_permille)
VALUES (1, 250, 1000, 40, 3, 3, 10);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('businesses', '0003_seed_prices'),
        ('consent', '0005_slots_count_on_arrival'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EvidenceCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('opening_words', models.TextField(blank=True, max_length=1000, verbose_name='why')),
                ('n_reporters', models.PositiveIntegerField(default=0, verbose_name='people who said that they did not sign up')),
                ('n_told', models.PositiveIntegerField(default=0, verbose_name='people who were written to')),
                ('answer', models.TextField(blank=True, max_length=2000, verbose_name="the business's answer")),
                ('answered_at', models.DateTimeField(null=True, verbose_name='answered')),
                ('decision', models.CharField(blank=True, choices=[('vouched', 'Vouched: the evidence is good'), ('kept', 'Kept in quarantine')], max_length=8, verbose_name='decision')),
                ('decision_words', models.TextField(blank=True, max_length=1000, verbose_name='reason')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
            ],
            options={
                'verbose_name': 'case about evidence',
                'verbose_name_plural': 'cases about evidence',
            },
        ),
        migrations.CreateModel(
            name='EvidencePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('probe_people', models.PositiveIntegerField(default=250, help_text='The rest of the batch waits until they have been heard.', verbose_name='people of a batch who are told first')),
                ('unproven_people', models.PositiveIntegerField(default=1000, help_text='So many people at most over all batches whose probation has not been passed: cutting a list helps nobody.', verbose_name='of one business in 30 days')),
                ('clean_percent', models.PositiveSmallIntegerField(default=40, verbose_name='share of them who must have got an offer (%)')),
                ('clean_days', models.PositiveSmallIntegerField(default=3, help_text='Counted from the delivery.', verbose_name='days that they have to complain')),
                ('quarantine_people', models.PositiveIntegerField(default=3, help_text='From so many on, a batch may be quarantined.', verbose_name="“I didn't sign up”: people")),
                ('quarantine_permille', models.PositiveIntegerField(default=10, help_text='Of those of the batch who were written to in the last 30 days.', verbose_name="“I didn't sign up”: share (‰)")),
            ],
            options={
                'verbose_name': 'policy about evidence',
                'verbose_name_plural': 'policy about evidence',
            },
        ),
        migrations.RemoveConstraint(
            model_name='interaction',
            name='interaction_once',
        ),
        migrations.AddField(
            model_name='contact',
            name='brought_by_id',
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='judged_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='n_probe',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='n_withdrawn',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='period',
            field=models.CharField(blank=True, max_length=7),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='source',
            field=models.CharField(choices=[('file', 'file'), ('api', 'API')], default='file', max_length=4),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='withdrawal',
            field=models.PositiveSmallIntegerField(choices=[(0, 'not undone'), (1, 'withdrawing the evidence'), (2, 'removing the contacts'), (3, 'undone')], default=0),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='withdrawn_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='withdrawn_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='withdrawn_to',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='interaction',
            name='is_probe',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name='importbatch',
            name='trust',
            field=models.CharField(choices=[('probe', 'on probation'), ('clean', 'probation passed'), ('vouched', 'vouched for by the operator'), ('quarantined', 'quarantined'), ('withdrawn', 'undone')], default='probe', max_length=12),
        ),
        migrations.AlterField(
            model_name='interaction',
            name='batch',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='interactions', to='consent.importbatch'),
        ),
        migrations.RunSQL(GIVE_BATCHES, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name='importbatch',
            index=models.Index(condition=models.Q(('withdrawal__in', [1, 2])), fields=['id'], name='import_batch_being_undone'),
        ),
        migrations.AddIndex(
            model_name='interaction',
            index=models.Index(condition=models.Q(('batch__isnull', False)), fields=['batch', 'recipient'], name='interaction_of_batch'),
        ),
        migrations.AddIndex(
            model_name='interaction',
            index=models.Index(condition=models.Q(('is_probe', True)), fields=['batch', 'recipient'], name='interaction_of_probe'),
        ),
        migrations.AddConstraint(
            model_name='importbatch',
            constraint=models.UniqueConstraint(condition=models.Q(('source', 'api'), models.Q(('trust', 'withdrawn'), _negated=True)), fields=('business', 'period'), name='import_batch_of_month'),
        ),
        migrations.AddConstraint(
            model_name='interaction',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('business', 'recipient', 'kind', 'occurred_at', 'evidence'), name='interaction_once'),
        ),
        migrations.AddConstraint(
            model_name='interaction',
            constraint=models.CheckConstraint(condition=models.Q(('provenance', 1), ('batch__isnull', False), _connector='OR'), name='interaction_attested_has_batch'),
        ),
        migrations.AddField(
            model_name='evidencecase',
            name='answered_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='evidencecase',
            name='batch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cases', to='consent.importbatch'),
        ),
        migrations.AddField(
            model_name='evidencecase',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='evidencecase',
            name='opened_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='evidencepolicy',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='evidence_policy_is_one'),
        ),
        migrations.AddConstraint(
            model_name='evidencepolicy',
            constraint=models.CheckConstraint(condition=models.Q(('clean_percent__lte', 100), ('quarantine_people__gt', 0), ('quarantine_permille__lte', 1000)), name='evidence_policy_sane'),
        ),
        migrations.AddConstraint(
            model_name='evidencecase',
            constraint=models.UniqueConstraint(condition=models.Q(('decided_at__isnull', True)), fields=('batch',), name='evidence_case_open_once'),
        ),
        migrations.RunSQL(SEED_POLICY, migrations.RunSQL.noop),
    ]
