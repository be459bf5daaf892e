"""A send that cannot succeed, to see what failing looks like: a request of one byte at most."""
from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from settings import BOOTSTRAP

producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, max_request_size=1)
errors = []
try:
    future = producer.send('orders', b'more than one byte')
    future.add_errback(errors.append)
    future.get(timeout=10)
except KafkaError as error:
    errors.append(error)
print('failed as it must:', type(errors[0]).__name__)
assert isinstance(errors[0], MessageSizeTooLargeError), errors
producer.close()
