"""Kafka values to columns and back: wire format, schemas, registry, decoding, encoding."""
