"""Doors for providers, for recipients, and for the sandbox's phones."""

from django.urls import path

from feedback import callbacks, contact_pages, views
from feedback.public import data, door, join, link, mine

urlpatterns = [
    path("b/<str:code>/contacts/<str:contact_code>/", contact_pages.contact_page, name="contact"),
    path("b/<str:code>/contacts/<str:contact_code>/edit/", contact_pages.edit_contact, name="contact-edit"),
    path("b/<str:code>/contacts/<str:contact_code>/answer/", contact_pages.answer_contact, name="contact-answer"),
    path("b/<str:code>/contacts/<str:contact_code>/stop/", contact_pages.stop_contact, name="contact-stop"),
    path("callbacks/<slug:sender_code>/", callbacks.receive, name="callback"),
    path("join/<slug:code>/", join.page, name="join"),
    path("p/", door.number, name="recipients-door"),
    path("p/code/<slug:code>/", door.code, name="enter-code"),
    path("p/mine/", mine.page, name="my-page"),
    path("p/mine/history/", mine.history, name="my-page-history"),
    path("p/mine/data/", data.page, name="my-page-data"),
    path("p/mine/export/", data.export, name="my-page-export"),
    path("p/mine/proof/", data.proof, name="my-page-proof"),
    path("p/mine/erase/", data.erase, name="my-page-erase"),
    path("p/mine/not-me/", mine.not_me, name="my-page-not-me"),
    path("p/<str:token>/", link.page, name="preferences"),
    path("phone/<slug:sender_code>/", views.phones, name="phones"),
    path("phone/<slug:sender_code>/<str:address>/", views.phone, name="phone"),
]
