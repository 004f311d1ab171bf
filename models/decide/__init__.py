"""From a judgement to an alert or a case candidate."""
