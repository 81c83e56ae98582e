"""Translate an export of Cordial's contact activities into Segment payloads with Spark.

    spark-submit spark_job.py export/ translated/ --policy policy.json

It writes three folders below `translated/`: `kind=payload/`, for a sender's --payloads; `kind=blocked/`, items as they
were; and `kind=rejected/`, lines of a rejects file. The exit status is 0 if nothing was rejected, 1 if something was,
and 2 for wrong usage or a job that failed.
"""

import json
import sys
from collections.abc import Iterable, Iterator

import records
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession, functions

KINDS = ("payload", "blocked", "rejected")


def main() -> int:
    """Run the job that the command line describes."""
    parser = records.Parser("Translate an export of Cordial records with Spark.")
    parser.add_argument("export", help="JSON Lines, plain or *.gz: a folder or a pattern")
    parser.add_argument("output", help="a folder that does not exist yet")
    options = parser.parse_args()

    def translated(rows: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
        for name, line in rows:
            for kind, value in records.outcomes(bytes(line), name, options):
                yield kind, json.dumps(value)

    spark = SparkSession.builder.appName("cordial-segment").getOrCreate()
    spark.sparkContext.addPyFile(records.__file__)
    try:
        # As text, because Spark's JSON reader makes one schema for all records and drops what does not fit it. As
        # bytes, because Spark otherwise replaces what is not UTF-8.
        lines = spark.read.text(options.export, lineSep="\n").where(functions.col("value").rlike(r"\S"))
        rows = lines.select(functions.input_file_name(), functions.col("value").cast("binary")).rdd
        outcomes = rows.mapPartitions(translated).toDF("kind string, value string")
        outcomes.write.partitionBy("kind").text(options.output)
        # Counted in the output, because an accumulator counts a task twice if it ran twice.
        written = spark.read.schema("value string, kind string").text(options.output).groupBy("kind").count()
        counts = dict.fromkeys(KINDS, 0) | dict(written.collect())
    except (PySparkException, Py4JError) as error:
        parser.error(" ".join(str(error).partition("\n\tat ")[0].split()))
    finally:
        spark.stop()
    print(json.dumps(counts))
    return 1 if counts["rejected"] else 0


if __name__ == "__main__":
    sys.exit(main())
