"""The same scoring written plainly: one event at a time, dicts and lists, nothing of ours.

What a per-event stream processor would run. State is bounded and fits JSON, so any
processor's own table can keep it. `pipeline.reference` says the same for being right;
this is written for being quick, so that a peer that runs it is not slowed by us.
"""
