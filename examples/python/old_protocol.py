"""Tutorials that pass api_version: the client then speaks as it did to a Kafka of that age, with messages in its format.

Kafka 4 has forgotten the older of these formats, so the cluster has to be one before it.
"""
# serve: --kafka-version 3.9
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from settings import BOOTSTRAP

COUNT = 20
partition = TopicPartition('clicks', 0)
expected = []
for number, version in enumerate([(0, 9), (0, 10, 1), (0, 11, 5)]):
    for compression in [None, 'gzip']:
        producer = KafkaProducer(
            bootstrap_servers=BOOTSTRAP, api_version=version, compression_type=compression, linger_ms=20
        )
        values = [('%d %s %d' % (number, compression, i)).encode() for i in range(COUNT)]
        futures = [producer.send('clicks', key=b'k', value=value) for value in values]
        offsets = [future.get(timeout=10).offset for future in futures]
        assert offsets == list(range(len(expected), len(expected) + COUNT)), offsets
        expected += values
        producer.close()

    # Whoever is older reads what is newer, and the other way round.
    consumer = KafkaConsumer(
        'clicks',
        bootstrap_servers=BOOTSTRAP,
        api_version=version,
        group_id='age-%d' % number,
        auto_offset_reset='earliest',
        enable_auto_commit=False,
        consumer_timeout_ms=1500,
    )
    messages = list(consumer)
    assert [message.value for message in messages] == expected, messages
    consumer.commit()
    assert consumer.committed(partition) == len(expected)
    # In the middle of a compressed batch, whose beginning comes along and is skipped.
    consumer.seek(partition, COUNT + 7)
    assert next(consumer).value == expected[COUNT + 7]
    if version >= (0, 10, 1):
        latest = messages[-1].timestamp
        found = consumer.offsets_for_times({partition: latest})[partition]
        assert found.timestamp == latest and found.offset <= messages[-1].offset, found
        assert consumer.end_offsets([partition]) == {partition: len(expected)}
    consumer.close()
    print('as', version, 'read', len(messages))
