"""The operator's desks: what people reported, evidence that they deny, and calls that could not be read."""

from feedback.admin import evidence, reports

__all__ = ["evidence", "reports"]
