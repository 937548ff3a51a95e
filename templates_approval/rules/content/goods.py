"""Goods that may not be advertised, or only to some: by the operator's list, which is data."""

from __future__ import annotations

from collections.abc import Iterator

from templates_approval.rules.book import Finding
from templates_approval.rules.policy import Policy
from templates_approval.rules.subject import Subject


def check(subject: Subject, policy: Policy) -> Iterator[Finding]:
    for path, text in subject.wordings:
        if path.endswith(".url"):
            continue
        for goods in policy.goods.find(text):
            code = "goods_forbidden" if goods.is_forbidden else "regulated_goods"
            yield Finding(code, path, {"words": goods.words, "vertical": goods.vertical})
