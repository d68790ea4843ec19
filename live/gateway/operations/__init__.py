"""How the gateway is operated: health, figures, traces, and connections that bring nothing."""
