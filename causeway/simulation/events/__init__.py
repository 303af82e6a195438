"""What goes wrong in a tick, and the geometry that says so."""
