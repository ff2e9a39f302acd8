"""The labels of a model, from a file of the user's."""

import json
from pathlib import Path

from .errors import ExportError


def read(path: Path, count: int) -> list[str]:
    """One label a line, or JSON: a list, or an object from index to label. Raises ExportError where they do not fit."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # without the mark that Windows' editors begin with
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"cannot read the labels in {path}: {error}") from error
    found = from_json(Path(path), text, count)
    if found is None:
        found = text.rstrip().splitlines()
    if len(found) != count:
        raise ExportError(f"{path} has {len(found)} labels, the model gives {count} logits; write one a logit")
    found = [label.strip() if isinstance(label, str) else label for label in found]
    for index, label in enumerate(found):
        if not isinstance(label, str):
            raise ExportError(f"label {index} in {path} is {label!r}; write its name, as one text")
        if not label:
            raise ExportError(f"label {index} in {path} is empty; write its name")
        if label in found[:index]:
            raise ExportError(f"label {label!r} is twice in {path}; each label needs a name of its own")
    return found


def from_json(path: Path, text: str, count: int) -> list | None:
    """What a JSON file holds; None for lines, the first of which may begin with a bracket too."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if path.suffix.lower() == ".json":
            raise ExportError(f"{path} is not JSON: {error}") from error
        return None
    if not isinstance(document, dict):
        return document if isinstance(document, list) else None
    missing = [index for index in range(count) if str(index) not in document]
    if missing:
        raise ExportError(f"{path} has no label {missing[0]}; the model gives {count} logits")
    return [document[str(index)] for index in range(max(count, len(document))) if str(index) in document]
