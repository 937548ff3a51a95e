"""The providers' door: receipts and what people write or press come in here, from every channel."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from broadcasts.crash import crash_point
from feedback import inbox

MAX_BODY_BYTES = 3 * 1024 * 1024

log = structlog.get_logger(__name__)


@csrf_exempt
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest, sender_code: str) -> HttpResponse:
    """Answer 200 once the call is kept. A provider repeats what was not answered so; a repeat does no harm.

    A GET is a provider that asks whether this address is ours before it tells anything.
    """
    if request.method == "GET":
        return _shake_hands(request, sender_code)
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        return JsonResponse({"error": "A callback may have 3 MB at most; send the updates in several."}, status=413)
    # Not request.body: that refuses more than forms may have (DATA_UPLOAD_MAX_MEMORY_SIZE).
    body = request.read(MAX_BODY_BYTES + 1)
    try:
        inbox.accept(sender_code=sender_code, headers=request.headers, body=body, now=timezone.now())
    except inbox.NotGenuine:
        log.warning("callback.refused", sender=sender_code)
        why = "Unknown sender, or not signed with its secret within the last five minutes."
        return JsonResponse({"error": why}, status=401)
    crash_point("after_callback")
    return JsonResponse({"status": "kept"})


def _shake_hands(request: HttpRequest, sender_code: str) -> HttpResponse:
    try:
        challenge = inbox.shake_hands(sender_code=sender_code, query=request.GET.dict())
    except inbox.NotGenuine:
        return HttpResponse("Not a question that this address answers.\n", status=403, content_type="text/plain")
    return HttpResponse(challenge, content_type="text/plain")
