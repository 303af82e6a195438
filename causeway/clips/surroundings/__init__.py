"""What is around the ego at a tick: lanes, the path ahead, other road users, lights, as far as known by then.

Knows one clip in its own frame. Behaviour (`meta_actions`) and evidence both read it; neither keeps a second geometry.
"""
