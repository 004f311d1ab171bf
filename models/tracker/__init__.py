"""The tracker as a workbook: what came back from people, merged into actions."""
