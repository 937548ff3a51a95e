"""Notices: service messages, durable before they leave."""

import businesses.codes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('broadcasts', '0003_hot_tables'),
        ('consent', '0004_import_lease'),
    ]

    operations = [
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(default=businesses.codes.notice_code, editable=False, max_length=24, unique=True)),
                ('kind', models.CharField(choices=[('stop', 'stop confirmed'), ('resume', 'resume confirmed'), ('help', 'help'), ('join', 'joining confirmed'), ('code', "code for one's own page")], max_length=8)),
                ('cause', models.CharField(max_length=160)),
                ('language', models.CharField(max_length=8)),
                ('text_encrypted', models.BinaryField(null=True)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sent', 'sent'), ('failed', 'failed'), ('expired', 'expired')], default='waiting', max_length=8)),
                ('n_attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('error_code', models.CharField(blank=True, max_length=32)),
                ('address', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consent.address')),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='consent.recipient')),
                ('sender', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='broadcasts.sender')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['due_at', 'id'], name='notice_waiting'), models.Index(fields=['recipient', 'kind', 'created_at'], name='notice_rate')],
                'constraints': [models.UniqueConstraint(fields=('sender', 'recipient', 'kind', 'cause'), name='notice_once'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'waiting'), ('text_encrypted__isnull', False)), models.Q(models.Q(('state', 'waiting'), _negated=True), ('text_encrypted__isnull', True)), _connector='OR'), name='notice_words_only_while_waiting')],
            },
        ),
    ]
