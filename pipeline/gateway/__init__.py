"""The gateway: what each partner was granted to see, and nothing else."""
