"""State built anew from the inputs, to be compared with the live one or put in its place."""
