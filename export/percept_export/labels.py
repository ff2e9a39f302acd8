"""The labels of a model, from a file of the user's."""

import json
from pathlib import Path

from .errors import ExportError


def read(path: Path, count: int) -> list[str]:
    """One label a line, or JSON: a list, or an object from index to label. Raises ExportError where they do not fit."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"cannot read the labels in {path}: {error}") from error
    if text.lstrip().startswith(("[", "{")):
        found = from_json(path, text, count)
    else:
        found = [line.strip() for line in text.splitlines()]
        while found and not found[-1]:
            found.pop()
    if len(found) != count:
        raise ExportError(f"{path} has {len(found)} labels, the model gives {count} logits; write one a logit")
    for index, label in enumerate(found):
        if not label:
            raise ExportError(f"label {index} in {path} is empty; write its name")
        if label in found[:index]:
            raise ExportError(f"label {label!r} is twice in {path}; each label needs a name of its own")
    return found


def from_json(path: Path, text: str, count: int) -> list[str]:
    try:
        document = json.loads(text)
        if isinstance(document, dict):
            document = [document[str(index)] for index in range(count)]
    except json.JSONDecodeError as error:
        raise ExportError(f"{path} is not JSON: {error}") from error
    except KeyError as error:
        raise ExportError(f"{path} has no label {error}; the model gives {count} logits") from error
    return [str(label) for label in document]
