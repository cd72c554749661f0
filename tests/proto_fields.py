"""Kinds of fields of shardrun-protocol(7), for proto_peer.py: `take` reads one from bytes at an offset or
refuses it, `give` makes its bytes; `show` and `read` do the same with text."""
import errno
import json
import struct

TLV_COUNT_MAX, CRITICAL = 66560, 0x8000


class Refused(Exception):
    def __init__(self, offset, why, code=errno.EPROTO):
        super().__init__(why)
        self.offset, self.code = offset, code


class Number:
    def __init__(self, size, low=0, high=None, names=None):
        self.size, self.low, self.names = size, low, names
        self.high = (1 << 8 * size) - 1 if high is None else high

    def take(self, data, at, end):
        if end - at < self.size:
            raise Refused(at, f"needs {self.size} bytes")
        value = int.from_bytes(data[at:at + self.size], "little")
        if not self.low <= value <= self.high:
            raise Refused(at, f"{value} is not within {self.low}..{self.high}")
        return value, at + self.size

    def give(self, value):
        return value.to_bytes(self.size, "little")

    def show(self, value):
        return self.names[value] if self.names else str(value)

    def read(self, text):
        if self.names:
            return next(number for number, name in self.names.items() if name == text)
        return int(text)


class Text:
    """`prefixed`: a u16 length stands in front; else the text is all there is of the field."""

    def __init__(self, low, high, prefixed=False):
        self.low, self.high, self.prefixed = low, high, prefixed

    def take(self, data, at, end):
        begin, size = at, end - at
        if self.prefixed:
            size, begin = Number(2).take(data, at, end)
        if not self.low <= size <= self.high:
            raise Refused(at, f"length {size} is not within {self.low}..{self.high}")
        if end - begin < size:
            raise Refused(begin, f"needs {size} bytes")
        value = bytes(data[begin:begin + size])
        if b"\0" in value:
            raise Refused(begin + value.index(b"\0"), "NUL in a text")
        return value, begin + size

    def give(self, value):
        return (struct.pack("<H", len(value)) if self.prefixed else b"") + value

    def show(self, value):
        return json.dumps(value.decode(errors="surrogateescape"), ensure_ascii=True)

    def read(self, text):
        return json.loads(text).encode(errors="surrogateescape")


class Bytes:
    def __init__(self, low, high):
        self.low, self.high = low, high

    def take(self, data, at, end):
        size = self.high if self.low == self.high else end - at
        if end - at < size:
            raise Refused(at, f"needs {size} bytes")
        if not self.low <= size <= self.high:
            raise Refused(at, f"length {size} is not within {self.low}..{self.high}")
        return bytes(data[at:at + size]), at + size

    def give(self, value):
        return value

    def show(self, value):
        return value.hex() or "empty"

    def read(self, text):
        return b"" if text == "empty" else bytes.fromhex(text)


class Record:
    """Fixed fields after one another. `rule(values)` gives why they do not go together, or None."""

    def __init__(self, fields, rule=None):
        self.fields, self.rule = fields, rule

    def take(self, data, at, end):
        begin, values = at, {}
        for name, kind in self.fields:
            values[name], at = kind.take(data, at, end)
        why = self.rule(values) if self.rule else None
        if why is not None:
            raise Refused(begin + why[0], why[1])
        return values, at

    def give(self, values):
        return b"".join(kind.give(values[name]) for name, kind in self.fields)

    def show(self, values):
        return " ".join(f"{name}={kind.show(values[name])}" for name, kind in self.fields)

    def read(self, text):
        given = dict(part.split("=", 1) for part in text.split())
        return {name: kind.read(given[name]) for name, kind in self.fields}


class Optional:
    """One optional field: its number, its kind (a list of Optional for a group) and how often it may be there."""

    def __init__(self, number, name, kind, low=0, high=1):
        self.number, self.name, self.kind, self.low, self.high = number, name, kind, low, high


class Message:
    """Fixed fields, then optional ones; `rule(values)` as in Record."""

    def __init__(self, fixed, optional=(), rule=None):
        self.fixed, self.optional, self.rule = fixed, list(optional), rule


def no_more(at, end):
    if at != end:
        raise Refused(at, f"{end - at} bytes too many")


def take_optional(data, at, end, known, holder):
    """[(Optional, value)] in the order of `known`; unknown ones as (None, (tag, bytes)). `holder` is where the
    record or payload begins that holds them."""
    found = []
    while at < end:
        if len(found) == TLV_COUNT_MAX:
            raise Refused(at, "too many optional fields")
        if end - at < 6:
            raise Refused(at, "an optional field begins with 6 bytes")
        tag, size = struct.unpack_from("<HI", data, at)
        if end - at - 6 < size:
            raise Refused(at, "an optional field is longer than what holds it")
        found.append((tag, at))
        at += 6 + size
    result = []
    for field in known:
        places = [place for tag, place in found if tag & ~CRITICAL == field.number]
        if len(places) > field.high:
            raise Refused(places[field.high], f"{field.name} is there too often")
        if len(places) < field.low:
            raise Refused(holder, f"{field.name} is missing")
        for place in places:
            value_at = place + 6
            value_end = value_at + struct.unpack_from("<I", data, place + 2)[0]
            if isinstance(field.kind, list):
                result.append((field, take_optional(data, value_at, value_end, field.kind, value_at)))
            else:
                value, after = field.kind.take(data, value_at, value_end)
                no_more(after, value_end)
                result.append((field, value))
    numbers = {field.number for field in known}
    for tag, place in found:
        if tag & ~CRITICAL not in numbers:
            if tag & CRITICAL:
                raise Refused(place, f"critical field {tag:#06x} is not known")
            size = struct.unpack_from("<I", data, place + 2)[0]
            result.append((None, (tag, bytes(data[place + 6:place + 6 + size]))))
    return result


def give_optional(number, value, is_critical):
    return struct.pack("<HI", number | (CRITICAL if is_critical else 0), len(value)) + value
