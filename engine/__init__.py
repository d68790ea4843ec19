"""The exchange: records, books, matching and portfolios as compiled kernels; strategies."""
