"""P7: a business never sees or touches another's data. Every address of the installation is asked, none is forgotten.

The addresses come from the URLconf. Each is either a business's (`b/…`, `phone/…`), the API's, or named in EVERYBODYS
with the reason why no business's data is behind it; a new one without a rule fails here until it has one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from broadcasts import emergency, segments
from broadcasts.models import Notice, PhoneMessage
from businesses.models import Business, User
from consent import joining
from consent.models import Contact, ImportBatch
from feedback.models import Reply
from tests.make import (
    make_approved_version,
    make_broadcast,
    make_business,
    make_client,
    make_key,
    make_people,
    make_sandbox_sender,
    make_user,
    make_whatsapp_sender,
)

pytestmark = pytest.mark.promise("P7")

EVERYBODYS = {
    "": "the front page: sends members to their own business",
    "open/": "opens a business of one's own",
    "language/setlang/": "chooses the visitor's language",
    "healthz": "says that the process runs",
    "readyz": "says that the services run",
    "callbacks/<slug:sender_code>/": "the providers' door: opened by the sender's signature (tests/feedback)",
    "join/<slug:code>/": "the public page on which people join: nothing counts before the number itself has answered",
    "p/<str:token>/": "the recipient's door: opened by a signed token (tests/feedback)",
    "p/": "the recipients' open door: sends a code to a number, and says the same of every number (tests/feedback)",
    "p/code/<slug:code>/": "takes the code that was sent to a phone (tests/feedback)",
    "p/mine/": "a person's own page: opened by a code for minutes, shows that person only (tests/feedback)",
    "p/mine/history/": "the same person's history",
    "p/mine/data/": "everything that is kept of the same person",
    "p/mine/export/": "the same person's copy of their data",
    "p/mine/proof/": "the same person's proof of what they agreed to",
    "p/mine/erase/": "the same person's erasure",
    "p/mine/not-me/": "the same person's question before a number is given up",
    "api/v1/docs": "the API's reference",
    "api/v1/problems": "the API's problems explained",
    "api/v1/openapi.json": "the API's document",
    "api/v1/": "every address of the API that is none",
}
# The libraries' own doors: staff only (with permissions), and the visitor's own account.
OF_LIBRARIES = ("admin/", "accounts/")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Nobody's, but well formed.
NOBODYS = "0000000000000000"


def addresses(resolver: URLResolver, above: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        here = above + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, here)
        elif isinstance(pattern, URLPattern):
            yield here


ALL = sorted({route for route in addresses(get_resolver()) if not route.startswith(OF_LIBRARIES)})
PAGES = [route for route in ALL if route.startswith(("b/", "phone/"))]
RESOURCES = [route for route in ALL if route.startswith("api/v1/") and route not in EVERYBODYS]


@dataclass
class Tenant:
    """A business with one of everything that has an address."""

    owner: User
    business: Business
    codes: dict[str, str]
    secret: str

    def path(self, route: str, **others: str) -> str:
        """Fill a route with this tenant's codes, or with ``others``."""
        codes = self.codes | others

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if route.startswith("api/v1/") and name == "code":
                name = route.split("/")[2]
            elif route.startswith("b/<str:code>/senders/") and name == "sender_code":
                name = "senders"
            assert name in codes, f"{route}: say in make_tenant what fills <{match[1]}>"
            return codes[name]

        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", fill, route)


def make_tenant() -> Tenant:
    owner = make_user()
    business = make_business(owner=owner, money=10_000_000)
    version = make_approved_version(business=business)
    sender = make_sandbox_sender(business=business)
    number = make_whatsapp_sender(business=business)
    broadcast = make_broadcast(business=business, version=version, sender=sender, now=timezone.now())
    make_people(business=business, n=1)
    contact = Contact.objects.of(business)[0]
    now = timezone.now()
    # A join page is made when its own business asks for it first.
    for each in (business, business.twin):
        joining.edit(page=joining.page_of(business=each, now=now), by=None, now=now)
    batch = ImportBatch.objects.create(business=business, filename="people.csv", state="done", created_at=now)
    segment = segments.create(business=business, name="Everybody", definition={}, by=owner, now=now)
    key, secret = make_key(business=business)
    PhoneMessage.objects.create(
        sender=sender,
        address="+33639980001",
        provider_id=f"sbx-{business.code}",
        content={"header": None, "body": "Hello", "footer": "", "buttons": []},
        created_at=now,
        is_delivery_reported=True,
    )
    reply = Reply.objects.create(
        business=business, sender=sender, recipient=contact.recipient, text="Hello", said_at=now, created_at=now
    )
    test = Notice.objects.create(
        sender=sender, recipient=contact.recipient, address=contact.recipient.addresses.all()[0], kind="test",
        cause="x", language="en", version=version, state="sent", due_at=now, expires_at=now, created_at=now,
    )  # fmt: skip
    at = emergency.target(scope="sender", reference=sender.code, business=business)
    stop = emergency.stop(at=at, reason="look first", by=owner, now=now)
    codes = {
        "code": business.code,
        "version_code": version.code,
        "sender_code": sender.code,
        "broadcast_code": broadcast.code,
        "contact_code": contact.code,
        "batch_code": batch.code,
        "prefix": key.prefix,
        "address": "+33639980001",
        "slug": "message",
        "locale": "fr",
        "stop_code": stop.code,
        "stops": stop.code,
        "broadcasts": broadcast.code,
        "contacts": contact.code,
        "imports": batch.code,
        "segments": segment.code,
        "senders": number.code,
        "segment_code": segment.code,
        "messages": reply.code,
        "template-versions": version.code,
        "tests": test.code,
    }
    return Tenant(owner, business, codes, secret)


@pytest.fixture(scope="module")
def two_tenants(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Tenant, Tenant]]:
    """One pair for the whole file: each test asks inside a transaction of its own, and leaves them as they were."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_tenant(), make_tenant()
        transaction.set_rollback(True)


@pytest.fixture
def tenants(two_tenants: tuple[Tenant, Tenant], db: None) -> tuple[Tenant, Tenant]:
    return two_tenants


OBJECTS = (
    "version_code",
    "sender_code",
    "senders",
    "broadcast_code",
    "segment_code",
    "stop_code",
    "contact_code",
    "batch_code",
    "prefix",
)


def statuses(client: Client, path: str, *, secret: str = "", **more: Any) -> dict[str, int]:
    """Ask with every method, each undone afterwards, and return what was answered."""
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    answered = {}
    for method in METHODS:
        with transaction.atomic():
            body = {} if not secret or method == "GET" else {"data": "{}", "content_type": "application/json"}
            answer = getattr(client, method.lower())(path, headers=headers | more.get("headers", {}), **body)
            answered[method] = answer.status_code
            transaction.set_rollback(True)
    return answered


def is_closed(answered: dict[str, int]) -> bool:
    """404, or 405 for methods that exist for nobody; never all of them 405, which would have asked nothing."""
    return set(answered.values()) <= {404, 405} and 404 in answered.values()


def state_of_the_world() -> str:
    """A digest of every row of every business table, so that a change anywhere shows."""
    tables = [name for name in connection.introspection.table_names() if name.startswith(TABLES)]
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}', coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"
                for table in sorted(tables)
            )
        )
        # Whole tables may be read side by side: their order says nothing.
        return repr(sorted(row for row in cursor.fetchall() if row[0] not in UNRELATED))


TABLES = ("businesses_", "consent_", "templates_approval_", "broadcasts_", "feedback_")
# When somebody logged in or a key was used is no business's data.
UNRELATED = ("businesses_user", "businesses_apikey")


def test_every_address_has_a_rule() -> None:
    without = [route for route in ALL if route not in EVERYBODYS and route not in PAGES and route not in RESOURCES]
    assert not without, f"say in tests/test_tenancy.py who may come in at: {without}"
    assert not set(EVERYBODYS) - set(ALL), "these addresses are gone: take their rule away"
    assert len(PAGES) > 20
    assert len(RESOURCES) > 10


def test_a_forgotten_address_would_be_noticed() -> None:
    """The list above is not made of wishes: an address that nobody wrote a rule for is in neither group."""
    forgotten = "reports/<str:code>/"
    assert forgotten not in EVERYBODYS
    assert not forgotten.startswith(("b/", "phone/", "api/v1/", *OF_LIBRARIES))


@pytest.mark.parametrize("route", PAGES)
def test_a_page_exists_for_its_members_only(tenants: tuple[Tenant, Tenant], route: str) -> None:
    mine, stranger = tenants
    before = state_of_the_world()
    path = mine.path(route)

    for somebody in (stranger.owner, make_user(), make_user(is_staff=True)):
        assert is_closed(statuses(make_client(somebody), path)), (path, somebody)
    with_htmx = {"HX-Request": "true"}
    assert is_closed(statuses(make_client(stranger.owner), path, headers=with_htmx)), path

    unknown = mine.path(route, code=f"biz_{NOBODYS}", sender_code=f"snd_{NOBODYS}")
    assert statuses(make_client(stranger.owner), path) == statuses(make_client(stranger.owner), unknown)

    anonymous = statuses(make_client(), path)
    assert set(anonymous.values()) <= {302, 405}
    assert 302 in anonymous.values()

    # The codes above are right: the owner does get in.
    owner = set(statuses(make_client(mine.owner), path).values())
    assert owner & {200, 302, 422}, f"{path}: {owner}; say in make_tenant what is missing"
    assert 500 not in owner
    assert state_of_the_world() == before


@pytest.mark.parametrize("route", [route for route in PAGES if any(f":{name}>" in route for name in OBJECTS)])
def test_an_object_exists_in_its_own_business_only(tenants: tuple[Tenant, Tenant], route: str) -> None:
    """The stranger's own business in front of my object's code opens nothing either, nor does my own test twin."""
    mine, stranger = tenants
    if route.startswith("b/"):
        path = stranger.path(route, **{name: mine.codes[name] for name in OBJECTS})
        assert is_closed(statuses(make_client(stranger.owner), path)), path
        in_twin = mine.path(route, code=mine.business.twin.code)
        assert is_closed(statuses(make_client(mine.owner), in_twin)), in_twin


@pytest.mark.parametrize("route", RESOURCES)
def test_a_resource_exists_for_its_own_key_only(tenants: tuple[Tenant, Tenant], route: str) -> None:
    mine, stranger = tenants
    nobody, twin = make_client(), make_key(business=mine.business.twin)[1]
    before = state_of_the_world()
    path = mine.path(route)

    with_session_only = statuses(make_client(mine.owner), path)
    assert set(with_session_only.values()) <= {401, 405}
    assert 401 in with_session_only.values()

    if "<" in route:
        for secret in (stranger.secret, twin):
            assert is_closed(statuses(nobody, path, secret=secret)), path
        unknown = re.sub(r"[a-z0-9]{16}|ctc_\d+_\d+", NOBODYS, path)
        theirs, nobodys = (_words(nobody, address, stranger.secret) for address in (path, unknown))
        assert theirs == nobodys
    else:
        listed = nobody.get(path, headers={"Authorization": f"Bearer {stranger.secret}"}).content.decode()
        assert not [code for code in mine.codes.values() if code.count("_") and code in listed]

    # The codes above are right: the key of the business does get in.
    own = set(statuses(nobody, path, secret=mine.secret).values())
    assert own & {200, 201, 400, 422}, f"{path}: {own}"
    assert 500 not in own
    assert state_of_the_world() == before


def _words(client: Client, path: str, secret: str) -> dict[str, Any]:
    """What is said about an address, without the number of the request."""
    words: dict[str, Any] = {}
    for method in ("get", "post"):
        answer = getattr(client, method)(path, headers={"Authorization": f"Bearer {secret}"})
        words[method] = {name: value for name, value in answer.json().items() if name != "instance"}
    return words


def test_every_operation_of_the_api_declares_a_scope() -> None:
    from drf_spectacular.generators import EndpointEnumerator

    without = []
    for path, _pattern, method, callback in EndpointEnumerator().get_api_endpoints():
        if "/v1/openapi" in path or "/v1/docs" in path:
            continue
        scopes = getattr(callback.cls, "scopes", {})
        if callback.actions[method.lower()] not in scopes:
            without.append(f"{method} {path}")
    assert not without


def test_the_state_of_the_world_notices_a_change(db: None) -> None:
    mine = make_tenant()
    before = state_of_the_world()
    Contact.objects.of(mine.business).update(name="Somebody else")
    assert state_of_the_world() != before
