"""The pages for on-call, analysts and governance: what needs a decision now, all that is known of it,
and how to take it.
"""
