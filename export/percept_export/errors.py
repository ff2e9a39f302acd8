"""What is said to the user when something cannot be exported."""


class ExportError(Exception):
    """Says what was being done, to what, why it failed and what to try. Shown without a traceback."""
