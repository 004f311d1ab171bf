"""The drill: real Kafka, two workers, and faults on purpose. `python -m tests.drill` or `make drill`."""
