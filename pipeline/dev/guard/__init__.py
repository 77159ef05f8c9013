"""What the hot path costs in machine instructions, held to what was accepted.

Time on a shared machine says little; instructions hardly vary. They are counted by valgrind for
each stage of the worker's own step on a fixed input, and told over those of a yardstick that is
counted beside: some plain Python and some small numpy calls. So another build of the interpreter
moves both; another version has figures of its own.

    python -m pipeline.dev.guard            # compare; exit 1 where a stage costs more, or less
    python -m pipeline.dev.guard --accept   # keep today's figures, to be committed with the reason
"""
