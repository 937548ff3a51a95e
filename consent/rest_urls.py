"""Addresses of the contacts resource, below ``/api/v1/``."""

from django.urls import path

from consent.api.contacts import Contacts
from consent.api.evidence import Attestations, Undo
from consent.api.imports import ImportFaults, Imports, ImportSteps
from consent.api.joining import JoinPages

urlpatterns = [
    path("contacts", Contacts.as_view({"get": "list", "post": "create"}), name="api-contacts"),
    path("contacts/<slug:code>/proof", Contacts.as_view({"get": "proof"}), name="api-contact-proof"),
    path(
        "contacts/<slug:code>",
        Contacts.as_view({"get": "retrieve", "patch": "correct", "delete": "destroy"}),
        name="api-contact",
    ),
    path("contacts/<slug:code>/interactions", Contacts.as_view({"post": "attest"}), name="api-contact-interactions"),
    path("contacts/<slug:code>/stop", Contacts.as_view({"post": "stop"}), name="api-contact-stop"),
    path("interactions", Attestations.as_view({"post": "create"}), name="api-interactions"),
    path("join-page", JoinPages.as_view({"get": "retrieve", "put": "put"}), name="api-join-page"),
    path("join-page/wordings", JoinPages.as_view({"get": "wordings"}), name="api-join-page-wordings"),
    path("imports", Imports.as_view({"get": "list", "post": "create"}), name="api-imports"),
    path("imports/<slug:code>", Imports.as_view({"get": "retrieve"}), name="api-import"),
    path("imports/<slug:code>/faults", ImportFaults.as_view({"get": "list"}), name="api-import-faults"),
    path("imports/<slug:code>/take-in", ImportSteps.as_view({"post": "take_in"}), name="api-import-take-in"),
    path("imports/<slug:code>/discard", ImportSteps.as_view({"post": "discard"}), name="api-import-discard"),
    path("imports/<slug:code>/undo", Undo.as_view({"post": "undo"}), name="api-import-undo"),
]
