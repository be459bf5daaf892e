"""What became of a send: a future one waits for, and callbacks one does not wait for."""
from kafka import KafkaProducer

from settings import BOOTSTRAP

producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks='all', retries=3, linger_ms=5, key_serializer=str.encode)

metadata = producer.send('orders', key='first', value=b'one').get(timeout=10)
print('written at', metadata.topic, metadata.partition, metadata.offset)
assert metadata.topic == 'orders' and metadata.offset == 0

written, failed = [], []
for i in range(100):
    producer.send('orders', key='first', value=b'%d' % i).add_callback(
        lambda metadata: written.append(metadata.offset)
    ).add_errback(failed.append)
producer.flush()
print(len(written), 'callbacks, the last offset is', max(written))
assert failed == [] and sorted(written) == list(range(1, 101)), (failed, written)
producer.close()
