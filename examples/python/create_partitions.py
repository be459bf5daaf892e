"""A topic is made, described and enlarged."""
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import TopicAlreadyExistsError

from settings import BOOTSTRAP

admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
admin.create_topics([NewTopic('growing', num_partitions=2, replication_factor=1)])
try:
    admin.create_topics([NewTopic('growing', num_partitions=2, replication_factor=1)])
    raise AssertionError('a second topic of that name')
except TopicAlreadyExistsError:
    print('there is one of that name already')

admin.create_partitions({'growing': NewPartitions(5)})
consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP)
partitions = consumer.partitions_for_topic('growing')
print('partitions now:', sorted(partitions))
assert partitions == {0, 1, 2, 3, 4}, partitions
consumer.close()
admin.delete_topics(['growing'])
admin.close()
