"""Microloans: a small amount for some days, at once or after a person had a look."""
