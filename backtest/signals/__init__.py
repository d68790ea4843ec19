"""Bars at sweep speed: signals as arrays, one compiled pass over the bars, no order book."""
