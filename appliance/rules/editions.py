"""Editions: the order of an operating system's and of other editions, and those for teaching or learning only."""

from __future__ import annotations

from functools import lru_cache

from appliance.model import Category, Product

LEVELS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (3, ("enterprise", "education", "ultimate", "企业版", "教育版", "旗舰版", "datacenter", "数据中心版")),
    (2, ("professional", "pro", "专业版", "专业工作站版", "专业教育版", "standard", "标准版")),
    (1, ("home", "core", "starter", "single language", "家庭版", "家庭中文版", "家庭单语言版")),
)
OTHER_LEVELS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (4, ("professional plus", "proplus", "pro plus", "专业增强版", "ultimate", "旗舰版", "enterprise", "企业版")),
    (3, ("professional", "专业版", "visiopro", "projectpro")),
    (2, ("standard", "标准版", "visiostd", "projectstd", "home and business", "home & business", "小型企业版")),
    (1, ("home and student", "home & student", "家庭和学生版")),
)
TEXTS = 1024  # remembered: a country has few editions, and asks for them millions of times
UNORDERED = ("microsoft-365",)  # plans of a subscription install one and the same suite
RESTRICTED = ("教育版", "学生版", "社区版", "校园版", "学习版", "education", "student", "community", "academic")


@lru_cache(maxsize=TEXTS)
def rank(edition: str) -> int:
    """Order of Windows editions: 1 home, 2 professional, 3 enterprise and above, 0 not known.

    >>> rank("Win 11 RTM Professional OEM:DM"), rank("家庭中文版"), rank("")
    (2, 1, 0)
    """
    text = edition.casefold()
    if "专业教育版" in text or "pro education" in text:
        return 2
    return next((level for level, words in LEVELS if any(word in text for word in words)), 0)


def rank_of(product: Product, text: str) -> int:
    """Order of the edition that a text names, among the product's editions; 0 where none is named or has an order."""
    if product.category is Category.OPERATING_SYSTEM:
        return rank(text)
    if product.id in UNORDERED:
        return 0
    return _other_rank(text)


@lru_cache(maxsize=TEXTS)
def _other_rank(text: str) -> int:
    folded = text.casefold()
    return next((level for level, words in OTHER_LEVELS if any(word in folded for word in words)), 0)


def restricted(*names: str) -> str:
    """The word that makes an edition one for teaching, students or a community, or empty."""
    text = " ".join(names).casefold()
    return next((word for word in RESTRICTED if word in text), "")
