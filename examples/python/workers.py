"""One consumer, several worker processes behind a queue: the offset is committed when a batch is done, not before."""
import multiprocessing

from kafka import KafkaConsumer, KafkaProducer

from settings import BOOTSTRAP

WORKERS = 3
COUNT = 60


def work(tasks, results):
    for task in iter(tasks.get, None):
        results.put(task * task)


if __name__ == '__main__':
    tasks, results = multiprocessing.Queue(), multiprocessing.Queue()
    # Before any client is made: a client's threads do not survive a fork.
    workers = [multiprocessing.Process(target=work, args=(tasks, results)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()

    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP)
    for i in range(COUNT):
        producer.send('orders', value=b'%d' % i)
    producer.flush()
    producer.close()

    consumer = KafkaConsumer(
        'orders',
        bootstrap_servers=BOOTSTRAP,
        group_id='workers',
        auto_offset_reset='earliest',
        enable_auto_commit=False,
        max_poll_records=20,
    )
    done = []
    while len(done) < COUNT:
        batch = [int(message.value) for messages in consumer.poll(timeout_ms=1000).values() for message in messages]
        for number in batch:
            tasks.put(number)
        done += [results.get(timeout=30) for _ in batch]
        if batch:
            consumer.commit()
    for _ in workers:
        tasks.put(None)
    for worker in workers:
        worker.join()
    consumer.close()
    print(len(done), 'done by', WORKERS, 'workers')
    assert sorted(done) == [i * i for i in range(COUNT)]
