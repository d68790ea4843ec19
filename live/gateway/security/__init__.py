"""Who may do what: tokens and their issuers, roles, rates, and the guard before the application."""
