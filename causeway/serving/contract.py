"""What server and client of the endpoint must agree on beyond its inputs: name, address, parts of the timing, sizes.

Imports nothing, so that the client stays light.
"""

MODEL = "causeway"
LOOPBACK = "127.0.0.1"  # where a server listens when nothing else is said
TIMING = ("queue", "decode", "vision", "prefill", "reasoning", "action", "total")  # milliseconds, in this order
MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # of a request, on both protocols
HELD_BYTES = 8 * MAX_MESSAGE_BYTES  # of all requests that a protocol's side of a server holds together
TAKING_S = 10.0  # for a whole request to come in; a vehicle that needs longer has no use for the answer
CROWDED_S = 0.5  # for a gRPC message to come in while others wait for its place
