"""The `sesame` command: one module a command."""
