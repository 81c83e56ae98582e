"""Translate an export of Cordial's contact activities with Spark: spark-submit spark_job.py export/ translated/."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession, functions

from cordial_segment import Policy, TrackPayload, build_track_payload, is_blocked, open_envelope

POLICY = Policy.from_dict({"sms": "block_all", "custom": {"block": ["browse"]}})


def translate(item: Any) -> TrackPayload | None:
    """Translate an item; ``None`` blocks it. Change the translation here: set a ``user_id``, for example."""
    record, contact = open_envelope(item)
    return None if is_blocked(record, POLICY) else build_track_payload(record, contact=contact)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def outcomes(rows: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
    """Yield the kind and the text of what becomes of each item. A line holds an item, or an array of them."""
    for place, line in rows:
        texts = [bytes(line).decode("utf-8", "surrogateescape")]
        with suppress(ValueError, RecursionError):  # then the whole line is rejected below
            if texts[0].lstrip().startswith("["):
                texts = [json.dumps(item) for item in json.loads(texts[0].encode(), object_pairs_hook=unique)]
        for text in texts:
            try:
                item = json.loads(text.encode(), object_pairs_hook=unique)
                payload = translate(item)
                yield ("payload", json.dumps(payload)) if payload else ("blocked", json.dumps(item))
            except (ValueError, RecursionError) as error:
                found = {"reason": str(error), "path": getattr(error, "path", None), "place": place, "line": text}
                yield "rejected", json.dumps(found)


with SparkSession.builder.appName("cordial-segment").getOrCreate() as spark:
    try:
        export, output = sys.argv[1:]
        # Spark's JSON reader makes one schema for all records, and its strings replace what is not UTF-8.
        lines = spark.read.text(export, lineSep="\n").where(functions.col("value").rlike(r"\S"))
        rows = lines.select(functions.input_file_name(), functions.col("value").cast("binary")).rdd
        rows.mapPartitions(outcomes).toDF("kind string, value string").write.partitionBy("kind").text(output)
        # An accumulator counts a task twice if it ran twice.
        counts = dict(spark.read.schema("value string, kind string").text(output).groupBy("kind").count().collect())
    except (PySparkException, Py4JError, ValueError) as error:
        print(" ".join(str(error).partition("\n\tat ")[0].split()), file=sys.stderr)
        sys.exit(2)
print(json.dumps(counts, sort_keys=True))
sys.exit(1 if "rejected" in counts else 0)
