"""The three stages of the stream, without a broker: records in, rows and messages out, state on request.

The Faust agents drive these; a replay drives the same aggregators and engines. So what live says and what a replay says
is the same code.
"""

from streams.stages.detect import Detect
from streams.stages.ingest import Ingest
from streams.stages.output import FULL_EVERY, Output, Said, WireRecord, encode_message, topic_of
from streams.stages.respond import Respond
from streams.stages.rows import alert_row, case_row

__all__ = [
    "FULL_EVERY",
    "Detect",
    "Ingest",
    "Output",
    "Respond",
    "Said",
    "WireRecord",
    "alert_row",
    "case_row",
    "encode_message",
    "topic_of",
]
