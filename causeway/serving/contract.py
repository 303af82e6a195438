"""What server and client of the endpoint must agree on beyond its inputs: name, parts of the timing, message size.

Imports nothing, so that the client stays light.
"""

MODEL = "causeway"
TIMING = ("queue", "decode", "vision", "prefill", "reasoning", "action", "total")  # milliseconds, in this order
MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # of a request, on both protocols
