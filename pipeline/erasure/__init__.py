"""Erasure of a person: what is kept, what a receipt says of its removal, and whether it is so."""
