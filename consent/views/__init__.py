"""Contacts in the browser: the people, and the files they come in."""
