"""Where events come from when not from Kafka: recordings, dumps, archives, the simulator."""
