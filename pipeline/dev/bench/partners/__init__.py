"""The gateway and a partner's decisions under load."""
