"""Doors for providers, for recipients, and for the sandbox's phones."""

from django.urls import path

from feedback import callbacks, public, views

urlpatterns = [
    path("callbacks/<slug:sender_code>/", callbacks.receive, name="callback"),
    path("p/<str:token>/", public.page, name="preferences"),
    path("phone/<slug:sender_code>/", views.phones, name="phones"),
    path("phone/<slug:sender_code>/<str:address>/", views.phone, name="phone"),
]
