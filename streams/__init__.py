"""The incoming edge and composition root: codec, transport, agents, sources, replay, command line."""
