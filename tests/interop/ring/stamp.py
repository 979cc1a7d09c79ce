"""The records of the kill loop: their bytes follow from who wrote them and when in its order (tests/kill/stamp.rs)."""

HEADER = "stamp"
KEYS, TOMBSTONES, PADDING = 211, 13, 400


def header(writer, sequence):
    return f"{writer}:{sequence}"


def key(sequence):
    return f"k{sequence % KEYS}"


def value(writer, sequence):
    """Nothing for a tombstone."""
    if sequence % TOMBSTONES == 0:
        return None
    text = f"{writer}:{sequence}:"
    return (text + str(sequence * 2654435761 % 2**32) * PADDING)[:len(text) + sequence * 7919 % PADDING]
