"""The privileged driver: what asks it for a speed or a way around, what it plans, and what it remembers."""
