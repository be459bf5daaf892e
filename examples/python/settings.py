"""Where the cluster is: `kafkarium serve`, or any Kafka."""
import os

BOOTSTRAP = os.environ.get('BOOTSTRAP', 'localhost:9092').split(',')
