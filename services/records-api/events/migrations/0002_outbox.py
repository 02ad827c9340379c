from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("events", "0001_events")]
    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[],
            options={
                "verbose_name": "outbox event",
                "verbose_name_plural": "outbox",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("events.event",),
        ),
    ]
