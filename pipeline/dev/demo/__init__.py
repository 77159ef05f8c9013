"""The demo: the whole pipeline on one machine, played through once and reported on."""
