"""The operator's desks: what people reported, evidence that they deny, calls that could not be read, and people."""

from feedback.admin import evidence, people, reports

__all__ = ["evidence", "people", "reports"]
