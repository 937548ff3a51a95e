"""Addresses of broadcasts and senders. All go through ``access.member_view``."""

from django.urls import path

from broadcasts.views import composing, guards, segments, senders, stops, trying, watching, whatsapp

urlpatterns = [
    path("b/<str:code>/broadcasts/", watching.broadcasts_page, name="broadcasts"),
    path("b/<str:code>/broadcasts/new/", composing.new_page, name="broadcast-new"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/", watching.broadcast_page, name="broadcast"),
    path(
        "b/<str:code>/broadcasts/<str:broadcast_code>/compose/<slug:slug>/", composing.step_page, name="broadcast-step"
    ),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/review/", composing.review_page, name="broadcast-review"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/estimate/", composing.count, name="broadcast-estimate"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/launch/", composing.launch, name="broadcast-launch"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/copy/", composing.copy, name="broadcast-copy"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/retry/", composing.retry, name="broadcast-retry"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/correct/", composing.correct_page, name="broadcast-correct"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/pause/", watching.pause_page, name="broadcast-pause"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/resume/", watching.resume_page, name="broadcast-resume"),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/cancel/", watching.cancel_page, name="broadcast-cancel"),
    path(
        "b/<str:code>/broadcasts/<str:broadcast_code>/attention/", watching.attention_page, name="broadcast-attention"
    ),
    path(
        "b/<str:code>/broadcasts/<str:broadcast_code>/attention/decide/",
        watching.decide_outcomes,
        name="broadcast-attention-decide",
    ),
    path("b/<str:code>/broadcasts/<str:broadcast_code>/refused/", watching.refused_page, name="broadcast-refused"),
    path("b/<str:code>/tests/<str:version_code>/", trying.test_page, name="version-test"),
    path("b/<str:code>/guard/", guards.guard_page, name="guard"),
    path("b/<str:code>/stops/", stops.stops_page, name="stops"),
    path("b/<str:code>/stops/new/", stops.new_page, name="stop-new"),
    path("b/<str:code>/stops/<str:stop_code>/lift/", stops.lift_page, name="stop-lift"),
    path("b/<str:code>/segments/", segments.segments_page, name="segments"),
    path("b/<str:code>/segments/new/", segments.new_page, name="segment-new"),
    path("b/<str:code>/segments/count/", segments.count, name="segment-count"),
    path("b/<str:code>/segments/<str:segment_code>/", segments.segment_page, name="segment"),
    path("b/<str:code>/segments/<str:segment_code>/copy/", segments.duplicate, name="segment-copy"),
    path("b/<str:code>/segments/<str:segment_code>/archive/", segments.archive, name="segment-archive"),
    path("b/<str:code>/segments/<str:segment_code>/restore/", segments.restore, name="segment-restore"),
    path("b/<str:code>/senders/", senders.senders_page, name="senders"),
    path("b/<str:code>/senders/webhook/", senders.connect_webhook, name="sender-webhook"),
    path("b/<str:code>/senders/sandbox/", senders.connect_sandbox, name="sender-sandbox"),
    path("b/<str:code>/senders/whatsapp/", whatsapp.connect_page, name="sender-whatsapp"),
    path("b/<str:code>/senders/<str:sender_code>/", whatsapp.sender_page, name="sender"),
    path("b/<str:code>/senders/<str:sender_code>/reach/", senders.set_reach, name="sender-reach"),
    path("b/<str:code>/senders/<str:sender_code>/check/", whatsapp.check, name="sender-check"),
    path(
        "b/<str:code>/senders/<str:sender_code>/code-template/",
        whatsapp.set_code_template,
        name="sender-code-template",
    ),
    path("b/<str:code>/senders/<str:sender_code>/keys/", whatsapp.replace_keys, name="sender-keys"),
]
