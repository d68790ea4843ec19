"""Technical and order-book indicators, compiled: whole series for notebooks and classes, single steps for compiled strategies."""

from engine.indicators.indicators import (
    Bands,
    BookSeries,
    atr,
    bollinger,
    book_imbalance,
    book_series,
    ema,
    microprice,
    order_flow_imbalance,
    realised_volatility,
    rsi,
    sma,
    vwap,
)

__all__ = [
    "Bands",
    "BookSeries",
    "atr",
    "bollinger",
    "book_imbalance",
    "book_series",
    "ema",
    "microprice",
    "order_flow_imbalance",
    "realised_volatility",
    "rsi",
    "sma",
    "vwap",
]
