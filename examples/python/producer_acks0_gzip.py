"""The fastest producer there is, and the least safe: nobody answers (acks=0). 10,000 messages, a flush after each."""
import json
import os
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from settings import BOOTSTRAP

COUNT = int(os.environ.get('COUNT', 10000))

producer = KafkaProducer(
    acks=0,
    compression_type='gzip',
    bootstrap_servers=BOOTSTRAP,
    value_serializer=lambda value: json.dumps(value).encode('utf-8'),
)
start = time.time()
for i in range(COUNT):
    producer.send('clicks', value={'str': 'result' + str(i)})
    producer.flush()
print(f'{COUNT} messages in {time.time() - start:.2f} s')
producer.close()

consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP)
partition = TopicPartition('clicks', 0)
end = consumer.end_offsets([partition])[partition]
print('the log ends at', end)
assert end == COUNT, end
consumer.close()
