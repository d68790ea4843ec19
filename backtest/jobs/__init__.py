"""Scheduled jobs: backtests and sweeps of a date that finish, or say why they did not."""
