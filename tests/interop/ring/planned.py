"""The transactions that every client with transactions does, and what readers have to see of them.

Called by transactions.py. Each record goes to every topic of the transaction, so that all topics of all clients hold the
same. What is in them is a pure function of nothing, offsets included: a marker takes one in each partition at the end.
"""

PARTITIONS = 10
TOPICS = 2
LARGE_RECORDS = 10_000 // TOPICS
SMALL_TRANSACTIONS = 100
BASE_TIMESTAMP = 1_700_000_000_000


def transactions():
    """Each transaction in order: whether it is committed, and its records as records.py has them, without offsets."""
    yield True, _records("first", [0])
    yield False, _records("aborted", [0])
    yield True, _records("three partitions", [0, 1, 2])
    yield False, _records("all partitions", range(PARTITIONS))
    yield True, _records("large", [n % PARTITIONS for n in range(LARGE_RECORDS)])
    yield False, _records("large, aborted", [n % PARTITIONS for n in range(LARGE_RECORDS // 10)])
    for n in range(SMALL_TRANSACTIONS):
        yield n % 5 != 2, _records(f"small {n}", [n % 3, n * 7 % PARTITIONS])
    # So that whoever has read this has read everything before.
    yield True, _records("last", range(PARTITIONS))


def stored():
    """What is in each topic at the end: all records with their offsets, and those of them that were committed."""
    ends, everything, committed = [0] * PARTITIONS, [], []
    for commits, records in transactions():
        for record in records:
            placed = {**record, "offset": ends[record["partition"]]}
            ends[record["partition"]] += 1
            everything.append(placed)
            if commits:
                committed.append(placed)
        for partition in {record["partition"] for record in records}:
            ends[partition] += 1
    return everything, committed


def _records(name, partitions):
    return [{"partition": partition, "timestamp": BASE_TIMESTAMP + n, "key": f"{name}: {n}".encode(),
             "value": f"{name}, record {n} ".encode() * 3, "headers": [("transaction", name.encode())]}
            for n, partition in enumerate(partitions)]
