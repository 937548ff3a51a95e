"""Members' own numbers and their tests, and who may be answered in free words."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('broadcasts', '0010_provider_standing'),
        ('businesses', '0003_seed_prices'),
        ('consent', '0018_people_are_kept'),
        ('templates_approval', '0002_guards'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OwnNumber',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consent.address')),
                ('recipient', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='consent.recipient')),
                ('sender', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='broadcasts.sender')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('is_new_person', models.BooleanField()),
                ('code_hash', models.BinaryField(max_length=32)),
                ('n_attempts', models.PositiveSmallIntegerField(default=0)),
                ('asked_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('verified_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='TestDay',
            fields=[
                ('business', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='businesses.business')),
                ('pk', models.CompositePrimaryKey('business', 'on', blank=True, editable=False, primary_key=True, serialize=False)),
                ('on', models.DateField()),
                ('n', models.PositiveSmallIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Window',
            fields=[
                ('sender', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='broadcasts.sender')),
                ('pk', models.CompositePrimaryKey('sender', 'address_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('address_id', models.BigIntegerField()),
                ('heard_at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='notice',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='notice',
            name='delivered_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='notice',
            name='version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='templates_approval.version'),
        ),
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('stop', 'stop confirmed'), ('resume', 'resume confirmed'), ('help', 'help'), ('join', 'joining confirmed'), ('confirm', 'asked to confirm'), ('code', "code for one's own page"), ('number', "code for a member's own number"), ('test', 'test of a template'), ('reply', 'answer to a question')], max_length=8),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('kind', 'test')), fields=['version', 'id'], name='notice_tests'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'test'), _negated=True), ('version__isnull', False), _connector='OR'), name='notice_test_of_version'),
        ),
        migrations.AddConstraint(
            model_name='ownnumber',
            constraint=models.UniqueConstraint(fields=('sender', 'user'), name='own_number_once'),
        ),
        migrations.AddConstraint(
            model_name='ownnumber',
            constraint=models.CheckConstraint(condition=models.Q(('n_attempts__lte', 5)), name='own_number_few_tries'),
        ),
        migrations.AddConstraint(
            model_name='testday',
            constraint=models.CheckConstraint(condition=models.Q(('n__lte', 10)), name='test_day_limit'),
        ),
        migrations.AddConstraint(
            model_name='ownnumber',
            constraint=models.CheckConstraint(condition=models.Q(('verified_at', None), models.Q(('address__isnull', False), ('recipient__isnull', False)), _connector='OR'), name='own_number_verified_is_somewhere'),
        ),
    ]
