"""Chooses its partition itself, commits by hand, and goes back."""
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from settings import BOOTSTRAP

producer = KafkaProducer(bootstrap_servers=BOOTSTRAP)
for i in range(10):
    producer.send('orders', partition=1, value=b'%d' % i)
producer.flush()
producer.close()


def offset_and_metadata(offset):
    # Newer versions also know a leader epoch.
    fields = {'offset': offset, 'metadata': '', 'leader_epoch': -1}
    return OffsetAndMetadata(*[fields[name] for name in OffsetAndMetadata._fields])


partition = TopicPartition('orders', 1)
consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP, group_id='by-hand', enable_auto_commit=False)
consumer.assign([partition])
consumer.seek_to_beginning(partition)
read = [int(next(consumer).value) for _ in range(4)]
consumer.commit({partition: offset_and_metadata(4)})
print('read', read, 'committed', consumer.committed(partition))
assert read == [0, 1, 2, 3] and consumer.committed(partition) == 4

consumer.seek(partition, 2)
assert int(next(consumer).value) == 2
assert consumer.position(partition) == 3
print('beginning', consumer.beginning_offsets([partition])[partition], 'end', consumer.end_offsets([partition])[partition])
consumer.close()

# Whoever comes next in this group begins at the bookmark.
successor = KafkaConsumer(bootstrap_servers=BOOTSTRAP, group_id='by-hand', enable_auto_commit=False)
successor.assign([partition])
assert int(next(successor).value) == 4
print('the successor began at 4')
successor.close()
