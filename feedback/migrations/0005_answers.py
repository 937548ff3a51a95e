"""What businesses answer people in free words."""

import businesses.codes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('broadcasts', '0011_own_numbers_and_windows'),
        ('businesses', '0003_seed_prices'),
        ('consent', '0018_people_are_kept'),
        ('feedback', '0004_erasure'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Answer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(default=businesses.codes.message_code, editable=False, max_length=24, unique=True)),
                ('text', models.TextField()),
                ('words_hash', models.BinaryField(max_length=32)),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.AddIndex(
            model_name='reply',
            index=models.Index(fields=['recipient', 'business', 'said_at'], name='reply_of_contact'),
        ),
        migrations.AddField(
            model_name='answer',
            name='business',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='businesses.business'),
        ),
        migrations.AddField(
            model_name='answer',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='answer',
            name='notice',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='broadcasts.notice'),
        ),
        migrations.AddField(
            model_name='answer',
            name='recipient',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='consent.recipient'),
        ),
        migrations.AddField(
            model_name='answer',
            name='sender',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='broadcasts.sender'),
        ),
        migrations.AddIndex(
            model_name='answer',
            index=models.Index(fields=['created_at'], name='answer_age'),
        ),
        migrations.AddIndex(
            model_name='answer',
            index=models.Index(fields=['business', 'words_hash', 'created_at'], name='answer_alike'),
        ),
        migrations.AddConstraint(
            model_name='answer',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='answer_says_something'),
        ),
    ]
