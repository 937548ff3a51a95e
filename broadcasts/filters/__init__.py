"""Filters over a business's contacts.

What may be asked (``grammar``), as SQL (``query``), in words (``words``), and how many they are (``counting``).
"""
