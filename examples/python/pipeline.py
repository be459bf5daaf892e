"""Kafka to Kafka. What fails goes back to where it was read, and is tried again: at least once."""
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from settings import BOOTSTRAP

COUNT = 30


def offset_and_metadata(offset):
    fields = {'offset': offset, 'metadata': '', 'leader_epoch': -1}
    return OffsetAndMetadata(*[fields[name] for name in OffsetAndMetadata._fields])


producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks='all', retries=5)
for i in range(COUNT):
    producer.send('input', partition=0, value=b'%d' % i)
producer.flush()

consumer = KafkaConsumer(
    'input',
    bootstrap_servers=BOOTSTRAP,
    group_id='pipeline',
    auto_offset_reset='earliest',
    enable_auto_commit=False,
    consumer_timeout_ms=2000,
)
failures = {7, 8, 20}
attempts = 0
for message in consumer:
    attempts += 1
    partition = TopicPartition(message.topic, message.partition)
    number = int(message.value)
    if number in failures:
        failures.remove(number)
        consumer.seek(partition, message.offset)
        continue
    producer.send('output', value=b'%d' % (number * 10)).get(timeout=10)
    consumer.commit({partition: offset_and_metadata(message.offset + 1)})
consumer.close()
producer.close()

reader = KafkaConsumer('output', bootstrap_servers=BOOTSTRAP, auto_offset_reset='earliest', consumer_timeout_ms=1000)
output = [int(message.value) for message in reader]
reader.close()
print(len(output), 'results of', attempts, 'attempts')
assert output == [i * 10 for i in range(COUNT)], output
assert attempts == COUNT + 3, attempts
