"""Values as the suite writes them in JSON: {t: type, v: text or members}, so that no type is lost on the way."""

import struct


def from_tagged(tagged):
    kind, body = tagged["t"], tagged.get("v")
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
            return [from_tagged(member) for member in body]
        case "map":
            return {key: from_tagged(member) for key, member in body.items()}
    raise ValueError(f"unknown tag: {kind}")


def to_tagged(value):
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
            return {"t": "array", "v": [to_tagged(member) for member in value]}
        case dict():
            return {"t": "map", "v": {key: to_tagged(member) for key, member in value.items()}}
    raise ValueError(f"no tag for {type(value).__name__}")
