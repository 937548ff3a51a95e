"""Saved segments, and what an audience meant when it was confirmed."""

import businesses.codes
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('broadcasts', '0006_erasure'),
        ('businesses', '0003_seed_prices'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='broadcast',
            name='frozen_audience',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(default=businesses.codes.segment_code, editable=False, max_length=24, unique=True)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('definition', models.JSONField(blank=True, default=dict)),
                ('schema', models.PositiveSmallIntegerField(default=1)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('archived_at', models.DateTimeField(null=True)),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='businesses.business')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(models.F('business'), django.db.models.functions.text.Lower('name'), condition=models.Q(('archived_at__isnull', True)), name='segment_name_once')],
            },
        ),
    ]
