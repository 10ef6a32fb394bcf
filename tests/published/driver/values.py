"""Values in the form in which the suite and the agents exchange them, one form per wire type."""

import struct


def tagged(value):
    """The tagged form of a Python value; a value that is tagged already stays as it is."""
    match value:
        case None:
            return {"t": "null"}
        case bool():
            return {"t": "bool", "v": value}
        case int():
            return {"t": "int", "v": str(value)}
        case float():
            return {"t": "float", "v": struct.pack(">d", value).hex()}
        case str():
            return {"t": "string", "v": value}
        case bytes():
            return {"t": "bytes", "v": value.hex()}
        case list():
            return {"t": "array", "v": [tagged(member) for member in value]}
        case dict():
            return {"t": "map", "v": {key: tagged(member) for key, member in value.items()}}
    raise ValueError(f"no tag for {value!r}")


def plain(form):
    """The Python value of a tagged form."""
    kind, body = form["t"], form.get("v")
    match kind:
        case "null":
            return None
        case "bool" | "string":
            return body
        case "int":
            return int(body)
        case "float":
            return struct.unpack(">d", bytes.fromhex(body))[0]
        case "bytes":
            return bytes.fromhex(body)
        case "array":
            return [plain(member) for member in body]
        case "map":
            return {key: plain(member) for key, member in body.items()}
    raise ValueError(f"unknown tag: {kind}")


def as_floats(form):
    """The form after a journey through the JavaScript client, which has one number type."""
    match form["t"]:
        case "int":
            return tagged(float(int(form["v"])))
        case "array":
            return {"t": "array", "v": [as_floats(member) for member in form["v"]]}
        case "map":
            return {"t": "map", "v": {key: as_floats(member) for key, member in form["v"].items()}}
    return form
