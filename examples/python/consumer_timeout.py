"""Reads from the beginning, and stops when nothing has come for a second."""
from kafka import KafkaConsumer, KafkaProducer

from settings import BOOTSTRAP

producer = KafkaProducer(bootstrap_servers=BOOTSTRAP)
for i in range(50):
    producer.send('orders', key=b'%d' % (i % 5), value=b'%d' % i)
producer.flush()
producer.close()

consumer = KafkaConsumer(
    'orders',
    bootstrap_servers=BOOTSTRAP,
    group_id='reader',
    auto_offset_reset='earliest',
    enable_auto_commit=True,
    consumer_timeout_ms=1000,
)
values = [int(message.value) for message in consumer]
print(len(values), 'messages')
assert sorted(values) == list(range(50)), values
consumer.close()

# Its group remembers: nothing is left for the next one.
again = KafkaConsumer(
    'orders', bootstrap_servers=BOOTSTRAP, group_id='reader', auto_offset_reset='earliest', consumer_timeout_ms=1000
)
rest = list(again)
print(len(rest), 'messages for the second reader')
assert rest == [], rest
again.close()
