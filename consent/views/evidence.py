"""What a member does about the evidence of an import: answer the operator who doubts it, or take all of it back."""

from typing import cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from businesses.access import member_view
from businesses.models import Business, Member, User
from consent import suspicion, withdrawal
from consent.models import ImportBatch
from consent.tasks import carry_on_undoing


class AnswerForm(forms.Form):
    """Where the evidence comes from, in the business's own words."""

    words = forms.CharField(
        label=gettext_lazy("Your answer"),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=suspicion.MAX_ANSWER,
        help_text=gettext_lazy("Do not write down telephone numbers: the operator finds the people by themselves."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def answer_page(request: HttpRequest, business: Business, batch_code: str) -> HttpResponse:
    """Take the business's answer to a quarantine; it is the appeal, too."""
    batch = get_object_or_404(ImportBatch.objects.of(business).select_related("business"), code=batch_code)
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            by = cast("User", request.user)
            suspicion.answer(batch=batch, by=by, words=form.cleaned_data["words"], now=timezone.now())
        except suspicion.CannotAnswer as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _("Your answer is with the operator."))
            return redirect("import", business.code, batch.code)
    context = {"business": business, "batch": batch, "form": form}
    return render(request, "consent/answer.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view(Member.Role.MARKETER)
def undo_page(request: HttpRequest, business: Business, batch_code: str) -> HttpResponse:
    """Say what undoing an import means, and do it."""
    batch = get_object_or_404(ImportBatch.objects.of(business).select_related("business"), code=batch_code)
    context = {"business": business, "batch": batch}
    if request.method == "POST":
        try:
            is_new = withdrawal.undo(batch=batch, by=cast("User", request.user), now=timezone.now())
        except withdrawal.CannotUndo as refusal:
            return render(request, "consent/undo.html", context | {"refusal": refusal.messages[0]}, status=422)
        if is_new:
            carry_on_undoing.delay_on_commit()
            messages.success(request, _("The import is undone: nobody is written to because of it any more."))
        return redirect("import", business.code, batch.code)
    return render(request, "consent/undo.html", context)
