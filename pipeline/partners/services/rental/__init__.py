"""Car rental: a car for some days, with a deposit or without."""
