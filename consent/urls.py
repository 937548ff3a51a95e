"""Addresses of contacts and of the files they come in. All go through ``access.member_view``."""

from django.urls import path

from consent import views

urlpatterns = [
    path("b/<str:code>/contacts/", views.contacts_page, name="contacts"),
    path("b/<str:code>/contacts/import/", views.import_page, name="contacts-import"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/", views.batch_page, name="import"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/faults.csv", views.faults_file, name="import-faults"),
    path("b/<str:code>/contacts/<str:contact_code>/", views.contact_page, name="contact"),
]
