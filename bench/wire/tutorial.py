"""The loop of every tutorial: send one message, flush, again. Says how long 10,000 took, in milliseconds."""
import json
import sys
import time

from kafka import KafkaProducer

bootstrap, topic = sys.argv[1:]
producer = KafkaProducer(bootstrap_servers=bootstrap.split(","))
# The topic is made, and its leader known, before the clock runs.
producer.send(topic, b"first").get(timeout=30)
started = time.perf_counter()
for number in range(10_000):
    producer.send(topic, b"message %d" % number)
    producer.flush()
print(json.dumps({"loop": (time.perf_counter() - started) * 1000}), flush=True)
producer.close()
