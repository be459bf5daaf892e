"""Kafka to Kafka, exactly once: results and offsets are one transaction, and what is aborted is never seen."""
import sys

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from settings import BOOTSTRAP

if not hasattr(KafkaProducer, 'begin_transaction'):
    print(f'skipped: kafka-python {kafka.__version__} knows no transactions')
    sys.exit(0)

COUNT = 20


def offset_and_metadata(offset):
    fields = {'offset': offset, 'metadata': '', 'leader_epoch': -1}
    return OffsetAndMetadata(*[fields[name] for name in OffsetAndMetadata._fields])


plain = KafkaProducer(bootstrap_servers=BOOTSTRAP, enable_idempotence=True, acks='all')
for i in range(COUNT):
    plain.send('input', partition=0, value=b'%d' % i)
plain.flush()
plain.close()

producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id='doubler', acks='all')
producer.init_transactions()
consumer = KafkaConsumer(
    'input',
    bootstrap_servers=BOOTSTRAP,
    group_id='doubler',
    auto_offset_reset='earliest',
    enable_auto_commit=False,
    isolation_level='read_committed',
)
done, aborts, position = 0, 0, 0
while done < COUNT:
    batch = consumer.poll(timeout_ms=1000, max_records=5)
    for partition, messages in batch.items():
        producer.begin_transaction()
        for message in messages:
            producer.send('output', value=b'%d' % (int(message.value) * 2))
        if aborts == 0:
            # The first attempt fails: its results are written and never seen. The consumer has to go back by itself.
            producer.flush()
            producer.abort_transaction()
            consumer.seek(partition, messages[0].offset)
            aborts += 1
            continue
        offsets = {TopicPartition('input', 0): offset_and_metadata(messages[-1].offset + 1)}
        producer.send_offsets_to_transaction(offsets, 'doubler')
        producer.commit_transaction()
        done += len(messages)
consumer.close()
producer.close()


def values(isolation):
    reader = KafkaConsumer(
        'output',
        bootstrap_servers=BOOTSTRAP,
        auto_offset_reset='earliest',
        consumer_timeout_ms=1000,
        isolation_level=isolation,
    )
    read = [int(message.value) for message in reader]
    reader.close()
    return read


committed, everything = values('read_committed'), values('read_uncommitted')
print(len(committed), 'committed results,', len(everything), 'records in the log')
assert committed == [i * 2 for i in range(COUNT)], committed
assert len(everything) > len(committed)
