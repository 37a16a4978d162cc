"""JSON schemas of files that others read."""


def strict(required, **properties):
    """Returns the schema of an object that has no other fields."""
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
