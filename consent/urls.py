"""Addresses of contacts and of the files they come in. All go through ``access.member_view``."""

from django.urls import path

from consent.views import contacts, evidence, importing, joining, permission, proofs

urlpatterns = [
    path("b/<str:code>/join/", joining.join_page, name="join-page"),
    path("b/<str:code>/join/edit/", joining.edit_join_page, name="join-page-edit"),
    path("b/<str:code>/join/poster/<str:locale>/", joining.poster, name="join-poster"),
    path("b/<str:code>/join/qr/<str:locale>.svg", joining.qr_code, name="join-qr"),
    path("b/<str:code>/contacts/", contacts.contacts_page, name="contacts"),
    path("b/<str:code>/contacts/import/", importing.import_page, name="contacts-import"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/", importing.batch_page, name="import"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/columns/", importing.columns_page, name="import-columns"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/take-in/", importing.take_in, name="import-take-in"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/discard/", importing.discard, name="import-discard"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/faults.csv", importing.faults_file, name="import-faults"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/answer/", evidence.answer_page, name="import-answer"),
    path("b/<str:code>/contacts/imports/<str:batch_code>/undo/", evidence.undo_page, name="import-undo"),
    path("b/<str:code>/contacts/permission/", permission.permission_page, name="permission"),
    path("b/<str:code>/contacts/<str:contact_code>/proof/", proofs.proof_page, name="contact-proof"),
    path("b/<str:code>/contacts/<str:contact_code>/proof.json", proofs.proof_file, name="contact-proof-file"),
    path("b/<str:code>/contacts/<str:contact_code>/delete/", contacts.delete_page, name="contact-delete"),
]
