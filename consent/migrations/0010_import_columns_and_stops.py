"""A file waits for its columns and is read for trial; stops come in files, too; wrong rows are kept to be mended."""


import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('businesses', '0003_seed_prices'),
        ('consent', '0009_hours'),
    ]

    operations = [
        migrations.AddField(
            model_name='importbatch',
            name='asks_for_columns',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='is_dry_run',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='kind',
            field=models.CharField(choices=[('contacts', 'contacts'), ('stops', 'stops')], default='contacts', max_length=8),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='layout',
            field=models.JSONField(help_text='What each column holds: see consent/columns.py.', null=True),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='n_already_stopped',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='n_stopped',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='preview',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='table',
            field=models.FileField(blank=True, upload_to='imports/'),
        ),
        migrations.AddField(
            model_name='importbatch',
            name='titles',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='importfault',
            name='cells',
            field=models.JSONField(null=True),
        ),
        migrations.AlterField(
            model_name='importbatch',
            name='state',
            field=models.CharField(choices=[('uploaded', 'uploaded'), ('mapping', 'waits for its columns'), ('reading', 'reading'), ('checked', 'checked, not taken in yet'), ('done', 'done'), ('failed', 'failed'), ('dropped', 'discarded')], default='uploaded', max_length=8),
        ),
        migrations.CreateModel(
            name='RememberedLayout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('contacts', 'contacts'), ('stops', 'stops')], max_length=8)),
                ('fingerprint', models.CharField(max_length=64)),
                ('roles', models.JSONField()),
                ('used_at', models.DateTimeField()),
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='businesses.business')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('business', 'kind', 'fingerprint'), name='remembered_layout_once')],
            },
        ),
    ]
