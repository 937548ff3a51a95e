"""Codes to one's own page."""

import businesses.codes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('consent', '0001_initial'),
        ('feedback', '0002_inbound_and_claims'),
    ]

    operations = [
        migrations.CreateModel(
            name='Passcode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(default=businesses.codes.passcode_code, editable=False, max_length=24, unique=True)),
                ('number_encrypted', models.BinaryField(null=True)),
                ('number_hash', models.BinaryField(max_length=32)),
                ('visitor_hash', models.BinaryField(max_length=32)),
                ('broadcast_id', models.BigIntegerField(null=True)),
                ('wish', models.CharField(blank=True, choices=[('', 'the page'), ('resume', 'resume'), ('unblock', 'unblock'), ('unpause-all', 'resume all offers'), ('fewer', 'set the limit'), ('not-me', 'a number with a new owner')], max_length=12)),
                ('limit', models.PositiveSmallIntegerField(null=True)),
                ('language', models.CharField(max_length=8)),
                ('code_hash', models.BinaryField(max_length=32)),
                ('n_attempts', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('resolved_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField(null=True)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('address', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consent.address')),
                ('recipient', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='consent.recipient')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('resolved_at__isnull', True)), fields=['id'], name='passcode_unresolved'), models.Index(fields=['number_hash', 'created_at'], name='passcode_of_number'), models.Index(fields=['visitor_hash', 'created_at'], name='passcode_of_visitor')],
            },
        ),
    ]
