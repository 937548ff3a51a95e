"""The keyed hash of an address: SQL and Python compute the same one."""

import pytest
from django.db import connection

from consent import suppressions


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["+33639980001", "", "é" * 200])
def test_both_compute_the_same_hash(value):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sha256(%(outer_pad)s || sha256(%(inner_pad)s || convert_to(%(value)s, 'UTF8')))",
            {**suppressions.pads(), "value": value},
        )
        assert bytes(cursor.fetchone()[0]) == suppressions.hash_address(value)


def test_the_hash_says_nothing_without_the_key(settings):
    known = suppressions.hash_address("+33639980001")
    assert len(known) == 32
    assert known != suppressions.hash_address("+33639980002")
    suppressions._key.cache_clear()
    settings.SECRET_KEY = "another installation's"
    try:
        assert suppressions.hash_address("+33639980001") != known
    finally:
        suppressions._key.cache_clear()
