"""Measurements of the chat beside other servers: `bench/run`, described in docs/performance.md."""
