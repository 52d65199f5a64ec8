#!/usr/bin/env python3
"""Writes primitives/types/tests/vectors/challenge-v1.json: what is asked of providers, by the words of RFCs 0008 to 0010.

This shares nothing with the implementation in primitives/types/src/challenge.rs and repair.rs, which tests hold to the file.
Run it after a change of the protocol, and never to make that test pass.
"""

import json
from bisect import bisect_right
from hashlib import blake2b
from pathlib import Path

FILE = Path(__file__).parent.parent / "primitives/types/tests/vectors/challenge-v1.json"
MAX_ATTEMPTS = 64
MAX_ROWS = 2**22


# Hashes

def h(*parts):
    """BLAKE2b-256 of byte strings and of integers, which are u32 and little-endian."""
    joined = b"".join(part.to_bytes(4, "little") if isinstance(part, int) else part for part in parts)
    return blake2b(joined, digest_size=32).digest()


def to_scalar(digest):
    return b"\0" + digest[1:]


def epoch_randomness(genesis, epoch, randomness):
    return h(b"nil/epoch/v1", genesis, epoch, randomness)


def evaluation_point(r_e, provider):
    return to_scalar(h(b"nil/z/v1", r_e, provider))


def gamma(r_e, provider, ordinal):
    return to_scalar(h(b"nil/gamma/v1", r_e, provider, ordinal))


def challenge_seed(r_e, provider, ordinal, attempt):
    return h(b"nil/chal/v1", r_e, provider, ordinal, attempt)


# Settlements of slots and repairs. Deals are u64, slots a byte.

def of_slot(deal, slot):
    return deal.to_bytes(8, "little") + bytes([slot])


def settle_seed(r, provider, deal, slot, sample, attempt):
    return h(b"nil/settle/v1", r, provider, of_slot(deal, slot), sample, attempt)


def settle_point(r, provider):
    return to_scalar(h(b"nil/settle/z/v1", r, provider))


def settle_gamma(r, provider, deal, slot, sample):
    return to_scalar(h(b"nil/settle/gamma/v1", r, provider, of_slot(deal, slot), sample))


def repair_draw(tag, genesis, deal, slot, attempts, record, relay_block):
    return h(tag, genesis, of_slot(deal, slot), attempts, record, relay_block)


def repair_seed(r, sample):
    return h(b"nil/repair/chal/v1", r, sample)


def uniform(sixteen, total):
    """A number below total, or None where the last run of total is incomplete."""
    integer = int.from_bytes(sixteen, "little")
    whole_runs = 2**128 // total * total if total else 0
    return integer % total if integer < whole_runs else None


def settle_draw(seed, mdus):
    """The MDU that a seed of a settlement or a repair draws, and what decides the row; 0 where a number cannot be drawn."""
    return uniform(seed[:16], mdus) or 0, seed[16:]


# Size classes: a table of (fewest rows, bound), in order. Class 1 comes first.

CLASSES = [(rows, rows) for rows in range(1, 16)]
while CLASSES[-1][0] < MAX_ROWS:
    fewest = max(CLASSES[-1][1], 16)
    eighth = 2 ** (fewest.bit_length() - 1) // 8
    CLASSES.append((fewest, fewest + eighth))


def class_of(rows):
    if not 1 <= rows <= MAX_ROWS:
        return None
    return bisect_right([fewest for fewest, _ in CLASSES], rows)


def bound_of(number):
    return CLASSES[number - 1][1]


# Draws. A census is {"cold": [[class, len], ..], "hot": [[class, len], ..], "slots": number}.

def draw(census, seed, ordinal, hot_factor):
    if ordinal % 8 == 7:
        index = uniform(seed[:16], census["slots"])
        return None if index is None else {"slot": {"index": index, "pick": seed[16:].hex()}}
    starts, lists, total = [], [], 0
    for hint, factor in ("cold", 1), ("hot", hot_factor):
        for number, length in census[hint]:
            starts.append(total)
            lists.append((hint, factor, number))
            total += factor * length * bound_of(number)
    place = uniform(seed[:16], total)
    if place is None:
        return None
    which = bisect_right(starts, place) - 1
    hint, factor, number = lists[which]
    index, offset = divmod((place - starts[which]) // factor, bound_of(number))
    return {"listed": {"hint": hint, "class": number, "index": index, "offset": offset}}


def attempts_and_sample(table, census, r_e, provider, ordinal, hot_factor):
    """All draws for an ordinal up to the one that hits, and what it hits."""
    attempts = []
    for attempt in range(MAX_ATTEMPTS):
        drawn = draw(census, challenge_seed(r_e, provider, ordinal, attempt), ordinal, hot_factor)
        attempts.append(drawn)
        if drawn is None:
            continue
        if "listed" in drawn:
            listed = dict(drawn["listed"])
            row = listed.pop("offset")
            lists = {entry["class"]: entry["rows"] for entry in table[listed["hint"]]}
            if row < lists[listed["class"]][listed["index"]]:
                return attempts, {"listed": {**listed, "row": row}}
        else:
            index = drawn["slot"]["index"]
            row = uniform(bytes.fromhex(drawn["slot"]["pick"]), table["slots"][index])
            if row is not None:
                return attempts, {"slot": {"index": index, "row": row}}
    return attempts, None


# The vectors

R_E = epoch_randomness(bytes(range(32)), 7, bytes(range(100, 164)))
PROVIDER = bytes(range(200, 232))
WORLDS = [
    (bytes(32), bytes(32)),
    (R_E, PROVIDER),
    (bytes([255]) * 32, bytes([255]) * 32),
]
U32_MAX = 2**32 - 1


def lists_of(rows):
    """Allocations by class, classes in order, allocations as they come."""
    by_class = {}
    for one in rows:
        by_class.setdefault(class_of(one), []).append(one)
    return [{"class": number, "rows": by_class[number]} for number in sorted(by_class)]


def case(name, ordinals, cold=(), hot=(), slots=(), hot_factor=1):
    table = {"cold": lists_of(cold), "hot": lists_of(hot), "slots": list(slots)}
    census = {
        "cold": [[entry["class"], len(entry["rows"])] for entry in table["cold"]],
        "hot": [[entry["class"], len(entry["rows"])] for entry in table["hot"]],
        "slots": len(slots),
    }
    samples = []
    for ordinal in ordinals:
        attempts, sample = attempts_and_sample(table, census, R_E, PROVIDER, ordinal, hot_factor)
        samples.append({"ordinal": ordinal, "attempts": attempts, "sample": sample})
    return {
        "name": name,
        "r_e": R_E.hex(),
        "provider": PROVIDER.hex(),
        "hot_factor": hot_factor,
        **table,
        "samples": samples,
    }


def single(census, first, last, ordinal, hot_factor):
    """One draw whose seed is given by its halves, as integers."""
    seed = first.to_bytes(16, "little") + last.to_bytes(16, "little")
    return {
        "census": census,
        "seed": seed.hex(),
        "ordinal": ordinal,
        "hot_factor": hot_factor,
        "draw": draw(census, seed, ordinal, hot_factor),
    }


def singles():
    small = {"cold": [[2, 3], [16, 1]], "hot": [[1, 2], [17, 1]], "slots": 3}
    # Weights: 3 * 2, then 1 * 18, then 5 * 2 * 1, then 5 * 1 * 20.
    places = [0, 1, 5, 6, 23, 24, 28, 29, 33, 34, 38, 39, 133]
    for place in places:
        yield single(small, place, 0, 0, 5)
    # The last incomplete run of 134, and the last number before it.
    excess = 2**128 % 134
    yield single(small, 2**128 - excess - 1, 0, 6, 5)
    yield single(small, 2**128 - excess, 0, 6, 5)
    for first in 0, 1, 2, 3, 2**128 - 2, 2**128 - 1:
        yield single(small, first, 1, 7, 5)
    largest = {
        "cold": [[number, U32_MAX] for number in (1, 16, 160)],
        "hot": [[number, U32_MAX] for number in (15, 159, 160)],
        "slots": U32_MAX,
    }
    total = sum(U32_MAX * bound_of(number) for number in (1, 16, 160))
    total += U32_MAX * sum(U32_MAX * bound_of(number) for number in (15, 159, 160))
    for first in total - 1, total // 2, total // 3, 5 * total, 2**128 - 2**100, 2**128 - 1:
        yield single(largest, first, 2, 8, U32_MAX)
    yield single(largest, U32_MAX - 1, 3, 15, U32_MAX)
    nothing = {"cold": [], "hot": [], "slots": 0}
    yield single(nothing, 4, 5, 0, 1)
    yield single(nothing, 4, 5, 7, 1)


def settlements():
    """Samples of slots that are settled, with MDUs up to `mdus` and rows below `rows`, as a full MDU of a profile has them."""
    for (r, provider), (deal, slot), sample, mdus, rows in [
        (WORLDS[0], (0, 0), 0, 1, 64),
        (WORLDS[1], (0x0102030405060708, 9), 0, 3, 8),
        (WORLDS[1], (0x0102030405060708, 9), 1, 3, 8),
        (WORLDS[1], (0x0102030405060708, 10), 1, 65536, 1),
        (WORLDS[2], (2**64 - 1, 31), U32_MAX, U32_MAX, 32),
    ]:
        tries = []
        for attempt in 0, 1, 15:
            seed = settle_seed(r, provider, deal, slot, sample, attempt)
            mdu, pick = settle_draw(seed, mdus)
            tries.append({"attempt": attempt, "seed": seed.hex(), "mdu": mdu, "row": uniform(pick, rows)})
        yield {
            "r": r.hex(),
            "provider": provider.hex(),
            "deal": str(deal),
            "slot": slot,
            "sample": sample,
            "mdus": mdus,
            "rows": rows,
            "tries": tries,
            "z": settle_point(r, provider).hex(),
            "gamma": settle_gamma(r, provider, deal, slot, sample).hex(),
        }


def repairs():
    """What decides who rebuilds a slot, and sample `sample` of who does, with MDUs below `mdus` and rows below `rows`."""
    for genesis, (deal, slot), attempts, record, relay_block, sample, generation, mdus, rows in [
        (bytes(32), (0, 0), 0, bytes(64), 0, 0, 0, 1, 1),
        (bytes(range(32)), (0x0102030405060708, 9), 4, bytes(range(100, 164)), 0x01020304, 3, 77, 4100, 8),
        (bytes([255]) * 32, (2**64 - 1, 31), U32_MAX, bytes([255]) * 64, U32_MAX, U32_MAX, U32_MAX, U32_MAX, 64),
    ]:
        fields = (genesis, deal, slot, attempts, record, relay_block)
        r = repair_draw(b"nil/repair/v1", *fields)
        seed = repair_seed(r, sample)
        mdu, pick = settle_draw(seed, mdus)
        yield {
            "genesis": genesis.hex(),
            "deal": str(deal),
            "slot": slot,
            "attempts": attempts,
            "randomness": record.hex(),
            "relay_block": relay_block,
            "candidate_seed": repair_draw(b"nil/repair/place/v1", *fields).hex(),
            "r": r.hex(),
            "sample": sample,
            "generation": generation,
            "mdus": mdus,
            "rows": rows,
            "seed": seed.hex(),
            "mdu": mdu,
            "row": uniform(pick, rows),
            "z": to_scalar(h(b"nil/repair/z/v1", r, generation)).hex(),
            "gamma": to_scalar(h(b"nil/repair/gamma/v1", r, sample)).hex(),
        }


def edges_of_classes():
    rows = {0, MAX_ROWS + 1}
    for fewest, bound in CLASSES:
        rows |= {fewest, min(max(fewest, bound - 1), MAX_ROWS)}
    return sorted(rows)


def edge_rows():
    return [rows for rows in edges_of_classes() if class_of(rows)]


vectors = {
    "about": [
        "What is asked of a storage provider in an epoch: RFC 0008. Byte strings are hexadecimal.",
        "settlements: what a slot's rent is settled against, RFC 0009. repairs: who rebuilds a slot, and what it proves, RFC 0010.",
        "Numbers that may not fit into 53 bits are decimal strings.",
        "r_e: randomness of the epoch. Randomness: the relay chain's record, 64 bytes.",
        "A draw is null where the random integer lies in the last incomplete run; a sample is null where all 64 attempts missed.",
        "cold, hot and slots of a case: rows of every allocation by class, and of every slot. The census is their lengths.",
    ],
    "epochs": [
        {"block": block, "length": length, "epoch": block // length, "start": block // length * length}
        for length in (1, 10, 600)
        for block in (0, 1, 9, 10, 599, 600, 601, U32_MAX)
    ],
    "epoch_randomness": [
        {
            "genesis": genesis.hex(),
            "epoch": epoch,
            "randomness": randomness.hex(),
            "r_e": epoch_randomness(genesis, epoch, randomness).hex(),
        }
        for genesis, epoch, randomness in [
            (bytes(32), 0, bytes(64)),
            (bytes(range(32)), 7, bytes(range(100, 164))),
            (bytes(range(32)), 0x01020304, bytes(range(100, 164))),
            (bytes([255]) * 32, U32_MAX, bytes([255]) * 64),
        ]
    ],
    "evaluation_points": [
        {"r_e": r_e.hex(), "provider": provider.hex(), "z": evaluation_point(r_e, provider).hex()}
        for r_e, provider in WORLDS
    ],
    "gammas": [
        {
            "r_e": r_e.hex(),
            "provider": provider.hex(),
            "ordinal": ordinal,
            "gamma": gamma(r_e, provider, ordinal).hex(),
        }
        for r_e, provider in WORLDS
        for ordinal in (0, 1, 0x01020304, U32_MAX)
    ],
    "seeds": [
        {
            "r_e": r_e.hex(),
            "provider": provider.hex(),
            "ordinal": ordinal,
            "attempt": attempt,
            "seed": challenge_seed(r_e, provider, ordinal, attempt).hex(),
        }
        for r_e, provider in WORLDS
        for ordinal, attempt in [(0, 0), (0, 1), (1, 0), (0x01020304, 63), (U32_MAX, 0)]
    ],
    "uniform": [
        {"bytes": sixteen.hex(), "total": str(total), "number": None if number is None else str(number)}
        for total in (0, 1, 3, 1000, 2**32 - 1, 2**64 - 1, 2**98, 2**127 + 1, 2**128 - 1)
        for sixteen in (
            bytes(16),
            bytes([7] * 16),
            bytes(range(240, 256)),
            (2**127 + 1).to_bytes(16, "little"),
            (2**128 - 2).to_bytes(16, "little"),
            bytes([255] * 16),
        )
        for number in [uniform(sixteen, total)]
    ],
    "size_classes": [
        {"rows": rows, "class": number, "bound": bound_of(number) if number else None}
        for rows in edges_of_classes()
        for number in [class_of(rows)]
    ],
    "samples_of": [
        {"per_epoch": per_epoch, "blobs": str(blobs), "samples": min(per_epoch, blobs)}
        for per_epoch, blobs in [(22, 0), (22, 1), (22, 22), (22, 23), (U32_MAX, 2**32), (0, 5), (22, 2**64 - 1)]
    ],
    "draws": list(singles()),
    "cases": [
        case("nothing at all", [0, 7]),
        case("one blob", range(16), cold=[1], slots=[1]),
        case("a slot without rows", [7, 15], cold=[3], slots=[0]),
        case("some cold allocations", range(32), cold=[16, 8, 8192, 100, 17, 8, 64, 16], slots=[160, 8000, 61]),
        case("sizes that miss most often", range(48), cold=[16, 32, 64, 128, 65536], slots=[65776]),
        case("hot ones alone", range(16), hot=[40, 41, 5, 1024], slots=[1110], hot_factor=3),
        case("hot beside cold", range(32), cold=[64] * 9, hot=[64, 70, 9], slots=[576, 143], hot_factor=4),
        case("the largest factor", range(16), cold=[MAX_ROWS] * 3, hot=[1, 16], slots=[1, 2, 3], hot_factor=U32_MAX),
        case("every class at its edges", range(48), cold=edge_rows(), hot=edge_rows(), slots=edge_rows(), hot_factor=2),
        case("the last ordinals", range(U32_MAX - 8, U32_MAX + 1), cold=[19, 23, 900], slots=[42, 900]),
    ],
    "settlements": list(settlements()),
    "repairs": list(repairs()),
}


def main():
    sections = []
    for name, records in vectors.items():
        lines = ",\n".join(f"    {json.dumps(record)}" for record in records)
        sections.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("{\n" + ",\n".join(sections) + "\n}\n")


if __name__ == "__main__":
    main()
