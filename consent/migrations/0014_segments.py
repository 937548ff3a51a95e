"""What segments ask of people and interactions is answered by indexes alone; one that said nothing new is dropped."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('businesses', '0003_seed_prices'),
        ('consent', '0013_bases'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='interaction',
            name='interaction_once',
        ),
        migrations.AlterField(
            model_name='contact',
            name='business',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='businesses.business'),
        ),
        migrations.AddIndex(
            model_name='recipient',
            index=models.Index(fields=['id'], include=('country',), name='recipient_country'),
        ),
        migrations.AddConstraint(
            model_name='interaction',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('business', 'recipient', 'kind', 'occurred_at', 'evidence'), include=('provenance',), name='interaction_once'),
        ),
    ]
