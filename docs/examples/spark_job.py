"""Translate an export of Cordial's contact activities into Segment payloads with Spark.

    spark-submit spark_job.py export/ translated/ --policy policy.json

Each line of the export becomes one line below `translated/`: a payload in `kind=payload/`, or the line itself in
`kind=blocked/`, or in `kind=rejected/` with what is wrong with it. The exit status is 0 when none was lost.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cordial_segment import Policy, build_track_payload, is_blocked


def translate(line: bytes, policy: Policy) -> tuple[str, str]:
    """Give what kind of outcome a line of an export has, and the JSON to keep of it."""
    text = line.decode("utf-8", "backslashreplace")
    try:
        record = json.loads(line)
        if is_blocked(record, policy):
            return "blocked", json.dumps({"line": text})
        return "payload", json.dumps(build_track_payload(record))
    except (ValueError, TypeError, RecursionError) as error:
        path = getattr(error, "path", None)
        return "rejected", json.dumps({"reason": str(error), "path": path, "line": text})


def main() -> int:
    """Run the job that the command line describes."""
    # Here, so that translate() can be imported where there is no Spark.
    from pyspark.sql import SparkSession, functions  # noqa: PLC0415

    parser = argparse.ArgumentParser(description="Translate an export of Cordial records with Spark.")
    parser.add_argument("export", help="a folder of JSON Lines files, or a pattern")
    parser.add_argument("output", help="a folder that does not exist yet")
    parser.add_argument("--policy", type=Path, help="JSON, as Policy.from_dict takes it; without it, all is sent")
    options = parser.parse_args()
    # It is pickled with the function below and so reaches every worker.
    policy = Policy.from_dict(json.loads(options.policy.read_bytes())) if options.policy else Policy()

    def translated(lines: Iterable[tuple[bytes]]) -> Iterator[tuple[str, str]]:
        return (translate(bytes(line), policy) for (line,) in lines)

    spark = SparkSession.builder.appName("cordial-segment").getOrCreate()
    # As text, since Spark's JSON reader makes one schema of all records, and so drops and retypes what does not fit.
    # As bytes, since what is not UTF-8 is otherwise replaced on its way to Python.
    lines = spark.read.text(options.export, lineSep="\n").where(functions.col("value").rlike(r"\S"))
    outcomes = lines.select(functions.col("value").cast("binary")).rdd.mapPartitions(translated)
    outcomes.toDF("kind string, value string").write.partitionBy("kind").text(options.output)

    # Counted in what was written, for an accumulator counts a task twice that had to run twice.
    read = lines.count()
    counts = {"payload": 0, "blocked": 0, "rejected": 0}
    if read:
        counts |= dict(spark.read.text(options.output).groupBy("kind").count().collect())
    spark.stop()
    print(json.dumps({"read": read} | counts))
    return 0 if read == sum(counts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
