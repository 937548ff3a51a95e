"""Makes what tests need through the product's own functions. Typed, keyword-only, one thing each."""

from datetime import UTC, datetime

from businesses import keys, onboarding, wallet
from businesses.models import ApiKey, Business, Member, User

NOW = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
EURO = 1_000_000

_numbers = iter(range(1, 1_000_000))


def make_user(*, email: str = "", password: str | None = None, is_staff: bool = False) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.org", password, is_staff=is_staff)


def make_business(
    *,
    owner: User | None = None,
    name: str = "Boulangerie Martin",
    country: str = "FR",
    currency: str = "EUR",
    registration_number: str = "",
    is_verified: bool = True,
    money: int = 0,
    now: datetime = NOW,
) -> Business:
    """A live business (its test twin is ``.twin``), verified, with ``money`` micro-units in its wallet."""
    owner = owner or make_user()
    business = onboarding.open_business(
        name=name,
        country=country,
        registration_number=registration_number or f"RCS {next(_numbers)}",
        legal_name=f"{name} SARL",
        owner=owner,
        currency=currency,
        now=now,
    )
    if is_verified:
        onboarding.verify(business=business, by=make_user(is_staff=True), now=now)
    if money:
        wallet.top_up(business=business, amount_micro=money, key=f"first money:{business.code}", now=now)
    return business


def make_member(*, business: Business, role: Member.Role, user: User | None = None) -> User:
    user = user or make_user()
    Member.objects.create(business=business, user=user, role=role)
    return user


def make_key(
    *, business: Business, scopes: tuple[str, ...] = tuple(keys.SCOPES), by: User | None = None, now: datetime = NOW
) -> tuple[ApiKey, str]:
    return keys.issue(business=business, name="shop", scopes=scopes, by=by or _an_owner(business), now=now)


def _an_owner(business: Business) -> User:
    return Member.objects.of(business).filter(role=Member.Role.OWNER).select_related("user")[0].user
