"""The same folds said a second time, naively: what the fast ones are held against.

One event at a time, dictionaries and integers, nothing shared with `pipeline.factors` but
the vocabularies, the layouts and the names of outcomes. Slow on purpose.
"""
