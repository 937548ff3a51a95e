"""Segments in the browser: the list, the editor that counts while one edits, copies, and the archive."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from broadcasts import conditions, offered, segments
from broadcasts.filters import counting, grammar, words
from broadcasts.filters.grammar import BadDefinition
from broadcasts.models import Broadcast, Segment
from businesses.access import member_view
from businesses.models import Business, Member, User

N_EXAMPLES = 6
N_ARCHIVED = 100


@require_safe
@member_view()
def segments_page(request: HttpRequest, business: Business) -> HttpResponse:
    """List what is saved, with what it means in words."""
    saved = list(Segment.objects.of(business).in_use().order_by("name", "id"))
    called = segments.called(business=business, definitions=[each.definition for each in saved])
    rows = [(each, words.describe(grammar.read(each.definition), called)) for each in saved]
    archived = Segment.objects.of(business).put_away().order_by("-archived_at", "-id")[:N_ARCHIVED]
    return render(request, "broadcasts/segments.html", {"business": business, "rows": rows, "archived": archived})


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def new_page(request: HttpRequest, business: Business) -> HttpResponse:
    """Make a segment."""
    return _editor(request, business, None)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def segment_page(request: HttpRequest, business: Business, segment_code: str) -> HttpResponse:
    """Change a segment."""
    return _editor(request, business, _segment(business, segment_code))


def _segment(business: Business, code: str) -> Segment:
    return get_object_or_404(Segment.objects.of(business).in_use().select_related("business"), code=code)


def _editor(request: HttpRequest, business: Business, segment: Segment | None) -> HttpResponse:
    """Show the rows; each button of the form sends all of it, so that it works without a script."""
    sections = conditions.sections_of(segment.definition if segment else {})
    name, refusals = segment.name if segment else "", []
    draft = _draft_behind(request, business)
    if request.method == "POST":
        sections, name = conditions.from_post(request.POST), request.POST.get("name", "")
        wish = request.POST.get("do", "")
        conditions.change(sections, wish, request.POST)
        if wish == "save":
            try:
                saved = _save(request, business, segment, name, conditions.definition_of(sections))
            except BadDefinition as bad:
                refusals = conditions.blame(sections, bad) or [_("Mend the conditions that are marked.")]
            except ValidationError as refusal:
                refusals = refusal.messages
            else:
                messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
                if draft is not None:
                    return redirect("broadcast-step", business.code, draft.code, "audience")
                return redirect("segments", business.code)
    context = {
        "business": business,
        "segment": segment,
        "draft": draft,
        "name": name,
        "refusals": refusals,
        "sections": _shown(business, sections),
        "offered": offered.to_filter_by(business),
        "kinds": conditions.KINDS,
        **_counted(business, sections, is_exact=_asks_exactly(request)),
    }
    return render(request, "broadcasts/segment.html", context, status=422 if refusals else 200)


def _draft_behind(request: HttpRequest, business: Business) -> Broadcast | None:
    """Return the draft from whose composer the visitor came here, if it is still one of theirs."""
    drafts = Broadcast.objects.of(business).filter(state=Broadcast.State.DRAFT)
    return drafts.filter(code=request.GET.get("for", "").replace("\x00", "")).first()


def _save(request: HttpRequest, business: Business, segment: Segment | None, name: str, definition: Any) -> Segment:
    by, now = cast("User", request.user), timezone.now()
    if segment is None:
        return segments.create(business=business, name=name, definition=definition, by=by, now=now)
    return segments.edit(segment=segment, name=name, definition=definition, by=by, now=now)


def _shown(business: Business, sections: conditions.Sections) -> dict[str, list[conditions.Row]]:
    for match, position, row in ((match, i, row) for match, rows in sections.items() for i, row in enumerate(rows)):
        row.begin = f"{match}-{position}"
        if row.kind != conditions.OTHER:
            continue
        try:
            said = segments.describe(business=business, definition=conditions.PARTS[row.kind](row.values))
        except BadDefinition as bad:
            said = bad.messages[0]
        row.values["words"] = said
    return sections


def _asks_exactly(request: HttpRequest) -> bool:
    """Say whether the member pressed the button beside a number that is only about right."""
    return request.POST.get("do") == "exact"


def _counted(business: Business, sections: conditions.Sections, *, is_exact: bool = False) -> dict[str, Any]:
    """Return what the panel shows: how many, in words, a few of them; or what has to be mended first."""
    now, definition = timezone.now(), conditions.definition_of(sections)
    try:
        tree = segments.read(business=business, definition=definition)
        if is_exact:
            counted = counting.Counted(counting.exactly(business=business, tree=tree, now=now), is_about=False)
        else:
            counted = counting.count(business=business, tree=tree, now=now)
    except ValidationError as refusal:
        return {"unfinished": refusal.messages[0] if isinstance(refusal, counting.TooSlow) else ""}
    return {
        "counted": counted,
        "words": segments.describe(business=business, definition=definition),
        "examples": counting.examples(business=business, tree=tree, now=now, n=N_EXAMPLES),
    }


@require_POST
@member_view(Member.Role.MARKETER)
def count(request: HttpRequest, business: Business) -> HttpResponse:
    """Count what the form holds, for the panel beside it."""
    sections = conditions.from_post(request.POST)
    context = {"business": business, **_counted(business, sections, is_exact=_asks_exactly(request))}
    return render(request, "broadcasts/segment_count.html", context)


@require_POST
@member_view(Member.Role.MARKETER)
def duplicate(request: HttpRequest, business: Business, segment_code: str) -> HttpResponse:
    """Make another one like it, and go there."""
    like = _segment(business, segment_code)
    try:
        copy = segments.duplicate(segment=like, by=cast("User", request.user), now=timezone.now())
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
        return redirect("segments", business.code)
    return redirect("segment", business.code, copy.code)


@require_POST
@member_view(Member.Role.MARKETER)
def archive(request: HttpRequest, business: Business, segment_code: str) -> HttpResponse:
    """Put it away. What was launched with it keeps its own copy of the filters."""
    segment = _segment(business, segment_code)
    segments.archive(segment=segment, by=cast("User", request.user), now=timezone.now())
    messages.success(request, _("“%(name)s” is archived. What was launched with it goes on.") % {"name": segment.name})
    return redirect("segments", business.code)


@require_POST
@member_view(Member.Role.MARKETER)
def restore(request: HttpRequest, business: Business, segment_code: str) -> HttpResponse:
    """Take it out of the archive."""
    everyone = Segment.objects.of(business).select_related("business")
    segment = get_object_or_404(everyone, code=segment_code)
    try:
        segments.restore(segment=segment, by=cast("User", request.user), now=timezone.now())
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    else:
        messages.success(request, _("“%(name)s” can be used again.") % {"name": segment.name})
    return redirect("segments", business.code)
