"""A million people come with one file: no index and no foreign key that nobody asks (docs/decisions/0017)."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('businesses', '0003_seed_prices'),
        ('consent', '0015_joining'),
    ]

    operations = [
        migrations.AlterField(
            model_name='contact',
            name='business',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='businesses.business'),
        ),
        migrations.AlterField(
            model_name='interaction',
            name='batch',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='interactions', to='consent.importbatch'),
        ),
        migrations.AlterField(
            model_name='interaction',
            name='business',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='businesses.business'),
        ),
        migrations.AlterField(
            model_name='interaction',
            name='recipient',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='interactions', to='consent.recipient'),
        ),
        migrations.AlterField(
            model_name='recipient',
            name='merged_into',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consent.recipient'),
        ),
        migrations.AlterField(
            model_name='refusal',
            name='legal_entity',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='businesses.legalentity'),
        ),
        migrations.AddIndex(
            model_name='recipient',
            index=models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='recipient_merged'),
        ),
        # Public codes are looked up whole, never by their beginning.
        migrations.RunSQL(
            "DROP INDEX IF EXISTS consent_contact_code_25600be8_like",
            "CREATE INDEX consent_contact_code_25600be8_like ON consent_contact (code varchar_pattern_ops)",
        ),
        migrations.RunSQL(
            "DROP INDEX IF EXISTS consent_recipient_code_4768af6b_like",
            "CREATE INDEX consent_recipient_code_4768af6b_like ON consent_recipient (code varchar_pattern_ops)",
        ),
    ]
