"""Other road users: what they are, and one tick of their motion."""
